"""What only a GPU of NVIDIA's shows: run where there is one, with onnxruntime-gpu."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from cnncodes import embed, load_backbone, read_codes
from cnncodes.backbones import Backbone
from cnncodes.backbones.checking.parity import compare_each
from cnncodes.backbones.running.runtime import import_runtime
from cnncodes.embedding.batching import Batcher
from cnncodes.errors import ProviderError

pytestmark = pytest.mark.skipif(
    not os.path.exists("/dev/nvidiactl")
    or "CUDAExecutionProvider" not in import_runtime().get_available_providers(),
    reason="needs a GPU of NVIDIA's and onnxruntime-gpu",
)


def draw_photos(count: int, side: int = 224) -> npt.NDArray[np.uint8]:
    """Return crops of real photos, of different sizes, scaled to one."""
    from skimage import data

    rng = np.random.default_rng(0)
    sources = [
        Image.fromarray(getattr(data, name)()) for name in ("astronaut", "chelsea", "coffee", "rocket")
    ]
    pictures = []
    for number in range(count):
        source = sources[number % len(sources)].convert("RGB")
        left, top = (int(rng.integers(0, length // 3)) for length in source.size)
        box = (left, top, left + source.width // 2, top + source.height // 2)
        pictures.append(np.asarray(source.resize((side, side), box=box)))
    return np.stack(pictures)


@pytest.fixture(scope="module")
def photos() -> npt.NDArray[np.uint8]:
    return draw_photos(48)


@pytest.fixture(scope="module")
def on_cpu() -> Backbone:
    return load_backbone()


@pytest.fixture(scope="module")
def on_gpu() -> Backbone:
    return load_backbone(providers=("cuda",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number, picture in enumerate(draw_photos(400, 300)):
        Image.fromarray(picture).save(folder / f"{number:03}.jpg", quality=90)
    return folder


def test_codes_of_fp32_are_those_of_the_cpu_and_tf32_is_off(
    photos: npt.NDArray[np.uint8], on_cpu: Backbone, on_gpu: Backbone
) -> None:
    expected = on_cpu.run(photos)
    error = np.abs(on_gpu.run(photos) - expected).max()
    assert error < 1e-4
    rounded = load_backbone(providers=(("cuda", {"use_tf32": 1}),)).run(photos)
    assert np.abs(rounded - expected).max() > 5 * error


@pytest.mark.parametrize("count", [1, 5, 8, 19])
def test_bound_runs_fill_batches_up(
    count: int, photos: npt.NDArray[np.uint8], on_cpu: Backbone, on_gpu: Backbone
) -> None:
    runner = on_gpu.bind(8)
    for _ in range(2):
        np.testing.assert_allclose(runner.run(photos[:count]), on_cpu.run(photos[:count]), atol=1e-4)


def test_each_runner_replays_a_cuda_graph_of_its_own(photos: npt.NDArray[np.uint8], on_cpu: Backbone) -> None:
    backbone = load_backbone(providers=(("cuda", {"enable_cuda_graph": True}),))
    one, two = backbone.bind(8), backbone.bind(8)
    for start in range(0, 32, 8):  # the first runs record, the others replay
        np.testing.assert_allclose(
            one.run(photos[start : start + 8]), on_cpu.run(photos[start : start + 8]), atol=1e-4
        )
        np.testing.assert_allclose(
            two.run(photos[start : start + 5]), on_cpu.run(photos[start : start + 5]), atol=1e-4
        )


def test_a_batch_that_needs_too_much_memory_is_halved(
    photos: npt.NDArray[np.uint8], on_cpu: Backbone
) -> None:
    limited = load_backbone(providers=(("cuda", {"gpu_mem_limit": 200 * 2**20}),))
    many = np.concatenate([photos] * 12)
    runner = limited.bind(512)
    np.testing.assert_allclose(runner.run(many)[-48:], on_cpu.run(photos), atol=1e-4)
    assert runner.batch_size < 512


def test_batches_out_of_many_lanes_are_in_order(
    photos: npt.NDArray[np.uint8], on_cpu: Backbone, on_gpu: Backbone
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with Batcher([on_gpu], 16) as batcher, ThreadPoolExecutor(8) as lanes:
        found = list(lanes.map(lambda at: batcher.run(photos[at : at + 3]), range(0, 48, 3)))
    np.testing.assert_allclose(np.concatenate(found), on_cpu.run(photos), atol=1e-4)


def test_fp16_is_near_and_nothing_is_logged(
    photos: npt.NDArray[np.uint8], on_cpu: Backbone, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnx")
    from cnncodes.backbones.quantizing.halving import halve

    half = halve(on_cpu)
    codes = Backbone(half.model_bytes(), half.card, providers=("cuda",)).run(photos)
    mean = on_cpu.run(photos).mean(axis=0)
    assert np.median(compare_each(codes - mean, on_cpu.run(photos) - mean)) > 0.9995
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["cuda:99", "tensorrt"])
def test_what_does_not_start_is_an_error_with_the_reason(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if name == "tensorrt" and _has_tensorrt():
        pytest.skip("TensorRT is installed")
    with pytest.raises(ProviderError, match="was asked for and does not start: [A-Z]") as caught:
        load_backbone(providers=(name,))
    assert ".cc:" not in str(caught.value) and capfd.readouterr().err == ""


def _has_tensorrt() -> bool:
    try:
        import tensorrt  # noqa: F401
    except ImportError:
        return False
    return True


def test_a_process_that_may_see_no_gpu_says_so() -> None:
    code = "from cnncodes import load_backbone; load_backbone(providers=('cuda',))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.stderr.splitlines()[-1].endswith(
        "was asked for and does not start: CUDA failure 100: no CUDA-capable device is detected."
    )


@pytest.mark.parametrize("decode", ["exact", "nvimgcodec"])
def test_a_job_that_was_killed_goes_on_and_has_the_codes_of_the_cpu(
    decode: str, folder: Path, tmp_path: Path, on_cpu: Backbone
) -> None:
    if decode == "nvimgcodec":
        pytest.importorskip("nvidia.nvimgcodec")
    out = tmp_path / "photos.codes"
    command = [
        sys.executable, "-m", "cnncodes", "embed", folder, "-o", out, "--provider", "cuda",
        "--decode", decode, "--shard-images", "40",
    ]  # fmt: skip
    job = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while job.poll() is None and len(list((out / "data").glob("*.parquet"))) < 3:
        time.sleep(0.005)
    job.send_signal(signal.SIGKILL)
    job.wait()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    embed(folder, tmp_path / "cpu.codes", backbone=on_cpu)
    found, expected = read_codes(out), read_codes(tmp_path / "cpu.codes")
    assert found.images.tolist() == expected.images.tolist()
    mean = expected.X.astype(np.float32).mean(axis=0)
    cosine = compare_each(found.X.astype(np.float32) - mean, expected.X.astype(np.float32) - mean)
    assert cosine.min() > (0.9999 if decode == "exact" else 0.995)


def test_pixels_of_the_gpus_decoder_are_near_those_of_libjpeg(folder: Path) -> None:
    pytest.importorskip("nvidia.nvimgcodec")
    from cnncodes.images.nvimgcodec import open_decoder

    decoder = open_decoder("nvimgcodec")
    for path in sorted(folder.glob("*.jpg"))[:20]:
        with Image.open(path) as image:
            found = decoder.decode(path.read_bytes(), image.size).astype(int)
            difference = np.abs(found - np.asarray(image))
        assert difference.max() <= 6 and difference.mean() < 0.1


def test_a_network_is_fine_tuned_as_on_the_cpu(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from cnncodes import finetune

    for number, picture in enumerate(draw_photos(64, 96)):
        noise = np.random.default_rng(number).normal(0, 60, picture.shape)
        path = tmp_path / "photos" / str(number % 4) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(picture + noise, 0, 255).astype(np.uint8)).save(path)
    losses = {}
    for device, precision in (("cpu", "fp32"), ("cuda", "fp32"), ("cuda", "bf16")):
        out = tmp_path / f"{device}-{precision}"
        finetune(
            tmp_path / "photos", out, device=device, precision=precision, epochs=2, freeze_epochs=1,
            unfreeze="last:1", keep="tuned", random_state=0,
        )  # fmt: skip
        with (out / "log.csv").open() as file:
            losses[device, precision] = [float(row["loss"] or 0) for row in csv.DictReader(file)]
    np.testing.assert_allclose(losses["cuda", "fp32"], losses["cpu", "fp32"], rtol=0.05, atol=1e-4)
    np.testing.assert_allclose(losses["cuda", "bf16"], losses["cpu", "fp32"], rtol=0.2, atol=5e-3)


def test_the_same_job_gives_the_same_bits(folder: Path, tmp_path: Path) -> None:
    tables = []
    for number in range(2):
        backbone = load_backbone(providers=("cuda",))
        embed(folder, tmp_path / f"{number}.codes", backbone=backbone, dtype="float32")
        tables.append(read_codes(tmp_path / f"{number}.codes").to_arrow())
    assert tables[0] == tables[1]
