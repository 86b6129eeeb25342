"""Sessions: what goes in, what comes out to the bit, and what is refused before it runs."""

from __future__ import annotations

import copy
import hashlib
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto
from small_backbones import IMAGE, build_model, make_card

from cnncodes.backbones import Backbone, Card, find_backbone, load_backbone
from cnncodes.errors import BackboneError, CardError, UsageError

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n"

Place = Callable[..., Path]
SIZE = 64  # small images keep the tests quick; the bits must be equal at any size


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (8, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def codes(shipped: Backbone, images: np.ndarray) -> np.ndarray:
    return shipped.run(images)


def test_codes_are_float32_rows_that_differ(shipped: Backbone, codes: np.ndarray) -> None:
    assert codes.shape == (8, shipped.code_size) == (8, 1280)
    assert codes.dtype == np.float32
    assert np.isfinite(codes).all() and len(np.unique(codes, axis=0)) == 8


@pytest.mark.parametrize("size", [1, 3, 5])
def test_codes_are_equal_bits_whatever_the_batch(
    shipped: Backbone, images: np.ndarray, codes: np.ndarray, size: int
) -> None:
    parts = [shipped.run(images[start : start + size]) for start in range(0, 8, size)]
    assert np.concatenate(parts).tobytes() == codes.tobytes()


def test_at_its_own_size_codes_are_equal_bits_too(shipped: Backbone) -> None:
    frame = shipped.frame
    images = np.random.default_rng(1).integers(0, 256, (8, frame.height, frame.width, 3), dtype=np.uint8)
    whole = shipped.run(images)
    for size in (1, 3):
        parts = [shipped.run(images[start : start + size]) for start in range(0, 8, size)]
        assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_codes_do_not_depend_on_the_order_of_the_batch(
    shipped: Backbone, images: np.ndarray, codes: np.ndarray
) -> None:
    order = np.random.default_rng(2).permutation(8)
    assert shipped.run(images[order]).tobytes() == codes[order].tobytes()


def test_threads_may_share_a_backbone(shipped: Backbone, images: np.ndarray, codes: np.ndarray) -> None:
    pieces = [slice(n % 3, n % 3 + 1 + n % 5) for n in range(24)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda piece: shipped.run(images[piece]), pieces))
    for piece, part in zip(pieces, found, strict=True):
        assert part.tobytes() == codes[piece].tobytes()


def test_two_sessions_give_equal_bits(images: np.ndarray, codes: np.ndarray) -> None:
    assert load_backbone().run(images).tobytes() == codes.tobytes()


def test_another_process_gives_equal_bits(codes: np.ndarray) -> None:
    code = (
        "import hashlib, numpy as np, cnncodes\n"
        f"images = np.random.default_rng(0).integers(0, 256, (8, {SIZE}, {SIZE}, 3), dtype=np.uint8)\n"
        "print(hashlib.sha256(cnncodes.load_backbone().run(images).tobytes()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hashlib.sha256(codes.tobytes()).hexdigest()


def test_a_session_runs_the_threads_it_is_told(shipped: Backbone) -> None:
    # On a machine of few cores more threads would not show in the bits.
    assert shipped._session.get_session_options().intra_op_num_threads == 1
    assert load_backbone(threads=3)._session.get_session_options().intra_op_num_threads == 3


def test_several_threads_give_the_same_codes(images: np.ndarray, codes: np.ndarray) -> None:
    np.testing.assert_allclose(load_backbone(threads=2).run(images), codes, rtol=1e-3, atol=1e-4)


def test_memory_that_is_not_contiguous_gives_the_same_codes(shipped: Backbone, images: np.ndarray) -> None:
    mirrored = images[:2, :, ::-1]
    assert not mirrored.flags.c_contiguous
    assert shipped.run(mirrored).tobytes() == shipped.run(mirrored.copy()).tobytes()


def test_images_are_left_as_they_are(shipped: Backbone, images: np.ndarray) -> None:
    given = images[:2].copy()
    given.flags.writeable = False
    shipped.run(given)
    assert np.array_equal(given, images[:2])


@pytest.mark.parametrize(("height", "width"), [(32, 32), (97, 161), (256, 64), (320, 224)])
def test_other_sizes_do_as_well(shipped: Backbone, height: int, width: int) -> None:
    images = np.random.default_rng(3).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    codes = shipped.run(images)
    assert codes.shape == (2, 1280) and np.isfinite(codes).all()
    assert shipped.run(images[1:]).tobytes() == codes[1:].tobytes()


def test_the_normalisation_is_inside(place: Place) -> None:
    backbone = load_backbone(place())
    images = np.zeros((1, 8, 9, 3), np.uint8)
    images[..., 1], images[0, 0, 0] = 7, (72, 7, 144)
    assert backbone.run(images).tolist() == [[1.0, 7.0, 2.0]]


def test_no_images_give_no_codes(shipped: Backbone) -> None:
    codes = shipped.run(np.empty((0, 224, 224, 3), np.uint8))
    assert codes.shape == (0, 1280) and codes.dtype == np.float32


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((1, 31, 64, 3), np.uint8), r"at least 32\. Got \(1, 31, 64, 3\)"),
        (np.zeros((1, 64, 31, 3), np.uint8), "at least 32"),
        (np.zeros((64, 64, 3), np.uint8), r"Got \(64, 64, 3\)"),
        (np.zeros((1, 3, 64, 64), np.uint8), r"Got \(1, 3, 64, 64\)"),
        (np.zeros((1, 64, 64, 4), np.uint8), r"Got \(1, 64, 64, 4\)"),
        (np.zeros((1, 64, 64, 3), np.float32), "uint8.*Got float32"),
        (np.zeros((1, 64, 64, 3), np.int64), "Got int64"),
        ([[1]], "Got list"),
        (None, "Got NoneType"),
    ],
)
def test_images_of_a_wrong_kind_are_refused(shipped: Backbone, images: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        shipped.run(images)


def test_a_damaged_model_is_refused_with_both_hashes(tmp_path: Path) -> None:
    folder = find_backbone("efficientnet-lite0")
    model = bytearray((folder / "model.onnx").read_bytes())
    model[len(model) // 2] ^= 1
    (tmp_path / "model.onnx").write_bytes(model)
    (tmp_path / "card.toml").write_bytes((folder / "card.toml").read_bytes())
    with pytest.raises(CardError, match="damaged or is another one") as caught:
        load_backbone(tmp_path)
    expected = Card.read(folder / "card.toml").files["model.onnx"]
    assert expected in str(caught.value) and hashlib.sha256(model).hexdigest() in str(caught.value)


def test_a_pointer_of_git_lfs_in_the_place_of_a_model_is_told(place: Place) -> None:
    folder = place()
    (folder / "model.onnx").write_bytes(POINTER)
    with pytest.raises(CardError, match=r"^model\.onnx of backbone .* is not there: a pointer of Git LFS"):
        load_backbone(folder)


def test_an_edited_card_is_refused_with_both_hashes(place: Place) -> None:
    folder = place(files={"model.onnx": "ab" * 32})
    with pytest.raises(CardError, match="abab") as caught:
        load_backbone(folder)
    assert hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest() in str(caught.value)


def test_a_cut_off_model_is_refused(place: Place) -> None:
    folder = place()
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:-40])
    with pytest.raises(CardError, match="damaged"):
        load_backbone(folder)


OTHER_GRAPHS = {
    "float images": {"image_type": TensorProto.FLOAT},
    "other input": {"image": "x"},
    "other output": {"code": "y"},
    "double codes": {"code_type": TensorProto.DOUBLE},
    "one channel": {"image_shape": ["b", "h", "w", 1]},
    "fixed batch": {"image_shape": [1, "h", "w", 3]},
    "fixed size": {"image_shape": ["b", 224, 224, 3]},
}


@pytest.mark.parametrize("name", OTHER_GRAPHS)
def test_an_onnx_file_that_is_no_backbone_is_refused(name: str) -> None:
    model = build_model(**OTHER_GRAPHS[name])
    with pytest.raises(BackboneError, match=r"no backbone: expected one input 'image', uint8"):
        Backbone(model, make_card(model))


def test_the_graphs_that_are_refused_differ_from_a_good_one_in_that_alone() -> None:
    model = build_model(image_shape=IMAGE)
    assert Backbone(model, make_card(model)).code_size == 3


def test_a_card_with_another_code_size_is_refused() -> None:
    model = build_model()
    with pytest.raises(BackboneError, match=r"float \[batch, 4\]"):
        Backbone(model, make_card(model, code_size=4))


@pytest.mark.parametrize("model", [b"", b"no ONNX at all", b"\x08\x0a" * 50, build_model()[:-3]])
def test_a_file_that_is_not_onnx_is_refused_in_one_line(model: bytes) -> None:
    with pytest.raises(BackboneError, match="does not start: it is no ONNX file, or one that is") as caught:
        Backbone(model, make_card(model))
    assert "\n" not in str(caught.value)


def test_a_fault_while_running_is_an_error_of_ours(place: Place) -> None:
    backbone = load_backbone(place("rigid"))
    assert backbone.run(np.zeros((2, 32, 32, 3), np.uint8)).shape == (2, 3)
    with pytest.raises(BackboneError, match=r"'small' fails on images of shape \(1, 40, 40, 3\)") as caught:
        backbone.run(np.zeros((1, 40, 40, 3), np.uint8))
    assert "\n" not in str(caught.value)


def test_an_unknown_provider_brings_those_there_are(place: Place) -> None:
    with pytest.raises(
        BackboneError,
        match=r"'CUDAExecutionProvider' is not available; .*CPUExecution.*with onnxruntime-gpu, installed",
    ):
        load_backbone(place(), providers=("CUDAExecutionProvider",))
    with pytest.raises(UsageError, match=r"unknown provider 'cudo'\. Did you mean 'cuda'"):
        load_backbone(place(), providers=("cudo",))


@pytest.mark.parametrize("providers", [(), "CPUExecutionProvider"])
def test_providers_have_to_be_a_sequence_of_names(place: Place, providers: Any) -> None:
    with pytest.raises(UsageError, match="providers must be"):
        load_backbone(place(), providers=providers)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_threads_have_to_be_a_positive_number(place: Place, threads: Any) -> None:
    with pytest.raises(UsageError, match="threads must be"):
        load_backbone(place(), threads=threads)


def test_a_pickled_backbone_gives_equal_bits(
    shipped: Backbone, images: np.ndarray, codes: np.ndarray
) -> None:
    again = pickle.loads(pickle.dumps(shipped))
    assert (again.card, again.sha256, again.providers) == (shipped.card, shipped.sha256, shipped.providers)
    assert again.run(images).tobytes() == codes.tobytes()


def test_copies_are_shared(shipped: Backbone) -> None:
    assert copy.deepcopy({"backbone": shipped})["backbone"] is shipped
    assert copy.copy(shipped) is shipped


def test_its_bytes_are_those_of_the_file(shipped: Backbone) -> None:
    data = (find_backbone("efficientnet-lite0") / "model.onnx").read_bytes()
    assert shipped.model_bytes() == data
    assert shipped.sha256 == hashlib.sha256(data).hexdigest()
    assert repr(shipped) == f"Backbone('efficientnet-lite0', sha256={shipped.sha256[:12]}…)"


def test_the_shipped_int8_file_is_small_and_counts_as_equal(shipped: Backbone) -> None:
    facts = shipped.card.quantization["int8"]
    assert facts.equal and facts.compared >= 2000 and facts.low is not None and facts.low > -0.01
    assert len(load_backbone(precision="int8").model_bytes()) < 5_000_000
