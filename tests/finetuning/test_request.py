"""What a fine-tuning refuses, before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from tiny_tuning import BODY, GOOD, SIDE, WEIGHTS, make_backbone, write_images  # noqa: E402
from written_graphs import write_backbone, write_dotted  # noqa: E402

import cnncodes  # noqa: E402
from cnncodes.errors import BackboneError, SourceError, UsageError  # noqa: E402
from cnncodes.finetuning.task import Listeners  # noqa: E402

pytestmark = pytest.mark.slow  # torch


def test_a_class_of_which_nothing_can_be_read_is_named(tmp_path: Path) -> None:
    photos = write_images(tmp_path / "photos", 12)
    for path in (photos / "train/dots").glob("*.png"):
        path.write_bytes(b"no picture " + path.stem.encode())
    with pytest.raises(SourceError, match="none of the training images of class 'dots' can be read"):
        cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **{**GOOD, "epochs": 1})
    assert not (tmp_path / "out").exists()  # mended ones are other images, of which nothing is known


def test_a_class_that_is_not_trained_on_is_named(tmp_path: Path) -> None:
    photos = write_images(tmp_path / "photos", 4)
    for path in (photos / "train/plain").iterdir():
        path.unlink()
    with pytest.raises(SourceError, match="class 'plain' of the test images is missing"):
        cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **{**GOOD, "epochs": 1})
    assert not (tmp_path / "out").exists()  # said before any work


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"unfreeze": "layer9"}, UsageError, "unfreeze: the network has no .* 'layer9'"),
        ({"unfreeze": "last:9"}, UsageError, "unfreeze: last:N takes N blocks from 1 to 3"),
        ({"base_lr": 0.0}, UsageError, "above 0"),
        ({"epoch": 1}, UsageError, "unknown option 'epoch'. Did you mean 'epochs'"),
        ({"batch_size": 1000}, UsageError, r"batch_size \(--batch-size\) 1000 is more than the 192 images"),
        ({"keep": "both"}, UsageError, "keep must be one of"),
        ({"device": "abacus"}, UsageError, "must be auto, cpu, cuda or cuda:N. Got 'abacus'"),
        pytest.param(
            {"device": "cuda"},
            UsageError,
            "'cuda' does not work: .* Choose cpu or auto",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="it does work here"),
        ),
        (
            {"head": "svm"},
            UsageError,
            "head must be one of logistic, linear-svm, .*lda, centroid. Got 'svm'",
        ),
        ({"cache": "-1"}, UsageError, "amount of disk, such as 10G or 500M, or 0"),
        ({"train_views": "nothing"}, UsageError, "nothing"),
    ],
)
def test_bad_input_is_said_before_anything_is_trained(
    changes: dict[str, Any], error: type[Exception], said: str, photos: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **{**GOOD, **changes})
    assert not (tmp_path / "out").exists()  # not even features


def test_what_is_no_path_and_no_listener_is_said(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="out must be"):
        cnncodes.finetune(photos, None, backbone=make_backbone())  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="listeners must be a Listeners. Got builtin_function_or_method"):
        cnncodes.finetune(photos, tmp_path / "out", listeners=print)  # type: ignore[arg-type]


def test_rounded_weights_are_refused(photos: Path, tmp_path: Path) -> None:
    backbone = cnncodes.load_backbone("efficientnet-lite0", precision="int8")
    with pytest.raises(BackboneError, match=r"is int8.*take the fp32 network that it was made from"):
        cnncodes.finetune(photos, tmp_path / "out", backbone=backbone)


def test_numbers_of_numpy_do_not_reach_the_summary(photos: Path, tmp_path: Path) -> None:
    changed = {**GOOD, "epochs": np.int64(1), "base_lr": np.float64(0.01), "n_jobs": np.int64(1)}
    summary = cnncodes.finetune(
        photos, tmp_path / "out", backbone=make_backbone(), max_pixels=np.int64(10_000), **changed
    )
    assert json.loads((tmp_path / "out/summary.json").read_text()) == summary
    assert (summary["request"]["max_pixels"], summary["base_lr"]) == (10_000, 0.01)


@pytest.mark.parametrize("node", ["a = Relu(a1)", "c = Relu(c2)"], ids=["frozen", "trained"])
def test_an_operator_that_is_not_known_is_refused_before_any_work(
    node: str, photos: Path, tmp_path: Path
) -> None:
    """As torch runs the frozen part too, in the end."""
    body = BODY.replace(node, node.replace("Relu", "Sinh"))
    backbone = write_backbone(write_dotted(body, WEIGHTS, 6), side=SIDE)
    begun: list[str] = []

    def progress(what: str) -> Callable[[int, int, int], None]:
        begun.append(what)
        return lambda done, total, failed: None

    changed, listeners = {**GOOD, "unfreeze": "layer2"}, Listeners(progress=progress)
    with pytest.raises(BackboneError, match=r"'Sinh' of node .* not known to fine-tuning, which"):
        cnncodes.finetune(photos, tmp_path / "out", backbone=backbone, listeners=listeners, **changed)
    assert not begun and not (tmp_path / "out").exists()
