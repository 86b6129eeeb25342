"""Providers: which are meant, with which settings, and what is said where one does not start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cnncodes.backbones.running.providers import (
    NAMES,
    Provider,
    cache_folder,
    find_reason,
    list_automatic,
    parse_providers,
)
from cnncodes.errors import UsageError


@pytest.mark.parametrize(
    ("said", "name", "options"),
    [
        ("cuda", "CUDAExecutionProvider", {}),
        ("CUDA:1", "CUDAExecutionProvider", {"device_id": "1"}),
        ("CPUExecutionProvider", "CPUExecutionProvider", {}),
        (("cuda:1", {"gpu_mem_limit": 2**31, "enable_cuda_graph": True}), "CUDAExecutionProvider",
         {"device_id": "1", "gpu_mem_limit": "2147483648", "enable_cuda_graph": "1"}),
        (Provider("CPUExecutionProvider"), "CPUExecutionProvider", {}),
    ],
)  # fmt: skip
def test_what_is_said_names_a_provider(said: Any, name: str, options: dict[str, str]) -> None:
    assert Provider.parse(said) == Provider(name, options)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("cudo", r"unknown provider 'cudo'\. Did you mean 'cuda'\? Known: auto, coreml, cpu"),
        ("cuda:x", "the number of a device, as in cuda:1"),
        (("cuda", "fast"), "a name and a dict of settings"),
        (7, "a provider must be a name"),
        ("cpu:3", "provider 'cpu:3': cpu has no devices that are counted. Take cpu"),
        ("openvino:1", "has no devices that are counted"),
        (("cpu", {"nosuch_option": "1"}), "'cpu' takes no settings, .* Got nosuch_option"),
        (("tensorrt", {"trt_cuda_graph_enable": True}), "takes no trt_cuda_graph_enable: .* Take cuda"),
    ],
)
def test_what_names_none_is_refused(said: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Provider.parse(said)


@pytest.mark.parametrize("said", [["auto"], ("auto", "cpu")])
def test_auto_stands_alone(said: Any) -> None:
    with pytest.raises(UsageError, match="stands alone, as providers='auto'"):
        parse_providers(said)


@pytest.mark.parametrize("said", ["cuda", [], None])
def test_providers_are_a_sequence(said: Any) -> None:
    with pytest.raises(UsageError, match="must be a sequence of at least one name"):
        parse_providers(said)


def test_a_name_alone_is_told_to_be_a_list() -> None:
    with pytest.raises(UsageError, match=r"Got 'cuda' instead\. For one give a list: \['cuda'\]\."):
        parse_providers("cuda")


@pytest.mark.parametrize(
    "said", [["cpu", "CPUExecutionProvider"], ["cuda", "cuda:0"], ["cuda:1", ("cuda", {"device_id": 1})]]
)
def test_one_that_is_there_twice_means_nothing(said: Any) -> None:
    with pytest.raises(UsageError, match="is there twice"):
        parse_providers(said)


def test_several_devices_of_one_are_several() -> None:
    assert [provider.device for provider in parse_providers(["cuda", "cuda:1", "tensorrt"])] == [0, 1, 0]


def test_a_device_is_a_number() -> None:
    with pytest.raises(UsageError, match="device_id must be the number of a device. Got 'first'"):
        parse_providers([("cuda", {"device_id": "first"})])


def test_fp32_is_computed_in_fp32_everywhere() -> None:
    assert Provider.parse("cuda").settings("fp32", 1, b"")["use_tf32"] == "0"
    assert Provider.parse("tensorrt").settings("fp32", 1, b"")["trt_fp16_enable"] == "0"
    assert Provider.parse("tensorrt").settings("fp16", 1, b"")["trt_fp16_enable"] == "1"
    for precision, hint in (("fp32", "f32"), ("int8", "f32"), ("bf16", "bf16")):
        config = json.loads(Provider.parse("openvino").settings(precision, 3, b"")["load_config"])["CPU"]
        assert config["INFERENCE_PRECISION_HINT"] == hint and config["INFERENCE_NUM_THREADS"] == "3"
    assert Provider.parse("cpu").settings("fp32", 1, b"") == {}


def test_networks_of_one_architecture_share_no_engines_of_tensorrt() -> None:
    """ONNX Runtime names an engine, which holds the weights, after the names in the graph and no more."""
    one, two, again = (
        Provider.parse("tensorrt").settings("fp32", 1, model)["trt_engine_cache_path"]
        for model in (b"weights", b"tuned weights", b"weights")
    )
    assert one == again != two


def test_settings_of_the_users_come_before_ours() -> None:
    settings = Provider.parse(("cuda", {"use_tf32": 1, "cudnn_conv_algo_search": "DEFAULT"})).settings(
        "fp32", 1, b""
    )
    assert settings["use_tf32"] == "1" and settings["cudnn_conv_algo_search"] == "DEFAULT"


def test_auto_tries_gpus_and_the_cpu_last() -> None:
    listed = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "OpenVINOExecutionProvider", NAMES["cpu"]]
    assert [provider.name for provider in list_automatic(listed)] == [NAMES["cuda"], NAMES["cpu"]]


def test_what_can_be_made_again_lies_in_the_users_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CNNCODES_HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / "cache"
    monkeypatch.delenv("CNNCODES_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "cnncodes"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", None),
        ("\x1b[1;31m[E:onnxruntime:Default, a.cc:1 Get] 1 : FAIL : with error: lib: no\x1b[m", "lib: no"),
        ("EP Error /src/state.cc:1 Please install TensorRT when using ['TensorrtExecutionProvider']\n"
         "Falling back", "Please install TensorRT"),
        # As onnxruntime-gpu 1.31.1 says it: without TensorRT, without such a GPU, with none in sight.
        ("EP Error /src/state.cc:729 void onnxruntime::python::RegisterPlugins(PySessionOptions&, const"
         " onnxruntime::ProviderOptions&) Please install TensorRT libraries. when using ['Tensorrt']",
         "Please install TensorRT libraries."),
        ("EP Error options_utils.h:187 Parse Failed to parse provider option \"device_id\": info.cc:71"
         " operator() Invalid device ID: 1, must be between 0 (inclusive) and 1 (exclusive).\n when using"
         " ['CUDAExecutionProvider']",
         "Invalid device ID: 1, must be between 0 (inclusive) and 1 (exclusive)."),
        ("EP Error /src/cuda_call.cc:154 std::conditional_t<THRW, void> onnxruntime::CudaCall(ERRTYPE, const"
         " char*) [with ERRTYPE = cudaError; bool THRW = true] /src/cuda_call.cc:146 std::conditional_t<THRW,"
         " void> onnxruntime::CudaCall(ERRTYPE, const char*) [with ERRTYPE = cudaError; bool THRW = true]"
         " CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname=vm ;"
         " file=/src/provider.cc ; line=355 ; expr=cudaSetDevice(info_.device_id);\n when using"
         " ['CUDAExecutionProvider']",
         "CUDA failure 100: no CUDA-capable device is detected"),
    ],
)  # fmt: skip
def test_the_reason_is_read_off_what_the_runtime_says(text: str, reason: str | None) -> None:
    assert find_reason(text) == reason
