"""From a folder of images to a classifier and a network on disk."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from tiny_tuning import CLASSES, GOOD, draw, make_backbone, write_images  # noqa: E402

import cnncodes  # noqa: E402
from cnncodes.backbones.checking.verification import verify_backbone  # noqa: E402
from cnncodes.commands.models import render_verify  # noqa: E402
from cnncodes.errors import BackboneError, ResultWarning, UsageError  # noqa: E402
from cnncodes.images import open_source  # noqa: E402

pytestmark = pytest.mark.slow  # torch


def test_the_folder_holds_what_it_says(done: Any) -> None:
    out, summary, said = done
    assert {path.name for path in out.iterdir()} == {
        "classifier.cnncodes", "backbone", "log.csv", "summary.json",
    }  # fmt: skip
    assert json.loads((out / "summary.json").read_text()) == summary
    rows = list(csv.DictReader((out / "log.csv").open()))
    epochs = [*summary["history"], *summary["again"]]
    assert [row["stage"] for row in rows] == [one["stage"] for one in epochs]
    assert [row["images"] == "0" for row in rows].index(True) == len(summary["history"])
    assert any("to be unfrozen: stem, layer1, layer2" in line for line in said)


def test_it_gains_and_says_so(done: Any) -> None:
    _, summary, _ = done
    assert summary["test"]["difference"]["low"] > 0
    assert summary["cpu_seconds"] > 0
    assert summary["kept"] == "tuned"
    assert summary["verdict"].startswith("Fine-tuning was worth it: +")
    assert summary["verdict"].endswith(
        "on 240 test images. Kept: the tuned network, whose gain on the validation images is clear."
    )


def test_the_saved_classifier_is_the_tuned_one(done: Any, photos: Path) -> None:
    out, summary, _ = done
    classifier = cnncodes.load(out / "classifier.cnncodes")
    assert classifier.score(photos) == summary["test"]["tuned"]["value"]
    assert classifier.n_images_ == summary["trained"] == summary["head_trained"] == 240
    proba = classifier.predict_proba([draw("lines", 5000)])
    assert proba.shape == (1, 3) and proba.sum() == pytest.approx(1)


def test_the_tuned_network_is_a_backbone_like_any_other(done: Any, photos: Path, tmp_path: Path) -> None:
    out, summary, _ = done
    original = make_backbone()
    backbone = cnncodes.load_backbone(out / "backbone")
    assert backbone.card.parent == original.sha256 != backbone.sha256
    assert backbone.card.name == "small-tuned"
    assert backbone.card.parity["relative_error"] <= 1e-4
    verified = verify_backbone(out / "backbone")
    assert verified["sha256"] == backbone.sha256
    said = render_verify({**verified, "seconds": 1.0})
    assert f"fine-tuned from the network with the sha256 {original.sha256}" in said
    assert "the codes of torch, relative error" in said and "--parity" not in said
    codes = cnncodes.embed(photos, tmp_path / "codes", backbone=backbone)
    assert codes.embedded == 480
    again = cnncodes.ImageClassifier(backbone=str(out / "backbone"), n_jobs=1)
    with pytest.warns(ResultWarning, match="was fine-tuned on 240 of these 240 images, or chosen by them"):
        again.fit(photos)
    assert again.score(photos) > summary["test"]["head"]["value"]


def test_parity_with_an_original_elsewhere_is_answered(done: Any) -> None:
    with pytest.raises(BackboneError, match="was fine-tuned"):
        verify_backbone(done[0] / "backbone", parity=True)


def test_the_same_call_again_trains_nothing(done: Any, photos: Path) -> None:
    out, summary, _ = done
    before = (out / "classifier.cnncodes").stat().st_mtime_ns
    again = cnncodes.finetune(photos, out, backbone=make_backbone(), **GOOD)
    assert again == {**summary, "already": True}
    assert (out / "classifier.cnncodes").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"unfreeze": "layer9"}, "no .* 'layer9'"), ({"batch_size": 1000}, "1000 is more than the 192 images")],
)
def test_a_mistake_is_said_before_that_the_folder_holds_another(
    changes: dict[str, Any], said: str, done: Any, photos: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        cnncodes.finetune(photos, done[0], backbone=make_backbone(), **{**GOOD, **changes})


def test_where_nothing_was_trained_no_tuned_network_is_kept(photos: Path, tmp_path: Path) -> None:
    changed = {**GOOD, "keep": "tuned", "base_lr": 1e6, "epochs": 2}
    summary = cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **changed)
    assert (summary["kept"], summary["is_trained"]) == ("head", False)
    assert any("there is no tuned network to keep" in note for note in summary["notes"])
    assert summary["verdict"] == (
        "There is no tuned network: training diverged in epoch 1. Kept: the head alone."
    )
    assert summary["trained"] == 0
    for part in ("validation", "test"):
        assert summary[part]["head"]["n"] > 0
        assert (summary[part]["tuned"], summary[part]["difference"]) == (None, None)
    assert cnncodes.load(tmp_path / "out/classifier.cnncodes").n_images_ == 240


def test_a_network_whose_codes_are_all_alike_costs_no_head(tmp_path: Path) -> None:
    """ONNX Runtime and torch cannot agree on what is rounding alone; the head is kept, and it is said why."""
    photos = write_images(tmp_path / "photos", 24)
    changed = {**GOOD, "keep": "tuned", "epochs": 1, "base_lr": 1e-6, "freeze_epochs": 0, "refit": False}
    changed["precision"] = "fp32"  # bf16 has not the digits to tell one of them from another
    # What is rounding decides, too, whether an epoch is good enough to be kept: of some of them one is.
    for scale in (1e-3, 5e-3, 1e-2, 4e-2, 3e-3):
        flat = {
            "layer2__bn__weight": np.full(6, scale, np.float32),
            "layer2__bn__bias": np.full(6, 1e3, np.float32),
        }
        out = tmp_path / f"out{scale}"
        summary = cnncodes.finetune(photos, out, backbone=make_backbone(flat), **changed)
        if "no epoch" not in summary["verdict"]:
            break
    assert summary["verdict"].startswith("There is no tuned network: what was trained gives other codes")
    assert summary["verdict"].endswith("Kept: the head alone.")
    assert (summary["kept"], summary["is_trained"]) == ("head", False)
    cnncodes.load(out / "classifier.cnncodes").predict(photos)


@pytest.mark.parametrize("kept", ["head", "tuned"])
def test_which_is_kept_can_be_said(kept: str, photos: Path, tmp_path: Path) -> None:
    changed = {**GOOD, "keep": kept}
    summary = cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **changed)
    assert summary["kept"] == kept
    used = cnncodes.load(tmp_path / "out/classifier.cnncodes").predictor_.embedder.backbone
    assert (used.card.name == "small-tuned") == (kept == "tuned")
    classifier = cnncodes.load(tmp_path / "out/classifier.cnncodes")
    images = [draw(label, number) for label in CLASSES for number in range(3000, 3010)]
    before, after = (classifier.predict_proba(images, priors=given)[:, 0] for given in (None, {"dots": 0.9}))
    assert (after >= before).all() and (after > before).any()
    if kept == "head":
        assert len(classifier.predict_or_abstain(images, risk=0.5).labels) == 30
        assert (classifier.novelty(images) < 1).all()
    else:
        with pytest.raises(UsageError, match=r"abstain\. The network was fine-tuned, and all these images"):
            classifier.predict_or_abstain(images, risk=0.5)
        with pytest.raises(UsageError, match=r"novelty by\. The network was fine-tuned, .*: fit a head"):
            classifier.novelty(images)


@pytest.mark.parametrize("test_views", ["flip", "center"])
def test_a_head_that_is_kept_is_what_fit_gives_on_all_images(
    test_views: str, photos: Path, tmp_path: Path
) -> None:
    """One view is not that of a prediction in the second case, and has to be embedded."""
    changed = {**GOOD, "keep": "head", "epochs": 1, "test_views": test_views}
    summary = cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **changed)
    assert (summary["trained"], summary["head_trained"]) == (192, 240)
    kept = cnncodes.load(tmp_path / "out/classifier.cnncodes")
    plain = cnncodes.ImageClassifier(
        backbone=make_backbone(), train_views="flip", test_views=test_views, random_state=0, n_jobs=1
    ).fit(photos)
    assert kept.n_images_ == plain.n_images_ == 240
    assert plain.score(photos) == pytest.approx(kept.score(photos), abs=0.02)
    assert kept.score(photos) == summary["test"]["head"]["value"]
    images = [draw(label, number) for label in CLASSES for number in range(3000, 3020)]
    np.testing.assert_allclose(kept.predict_proba(images), plain.predict_proba(images), atol=0.02)
    ours, theirs = kept.predictor_, plain.predictor_
    assert ours.same_views == theirs.same_views and kept.train_plan_ == plain.train_plan_
    assert ours.answers.right.mean() == pytest.approx(theirs.answers.right.mean(), abs=0.05)
    codes = ours.embedder.backbone.run(np.stack([image[:16, :16] for image in images]))
    assert ours.scale.rate(codes) == pytest.approx(theirs.scale.rate(codes), abs=0.05)


def test_a_part_val_says_when_to_stop(tmp_path: Path) -> None:
    photos = write_images(tmp_path / "photos", 12, parts=("train", "val"))
    changed = {**GOOD, "epochs": 4, "base_lr": 1e-3}
    summary = cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **changed)
    assert summary["validation"]["head"]["n"] == summary["judged_trained"] == summary["head_trained"] == 36
    assert summary["test"] is None
    kept = cnncodes.load(tmp_path / "out/classifier.cnncodes").predictor_
    assert (kept.answers is None) == (kept.scale is None) == (summary["kept"] == "tuned")
    assert "These images also chose the epoch" in summary["verdict"]


def test_images_that_cannot_be_read_are_named_and_left_out(tmp_path: Path) -> None:
    photos = write_images(tmp_path / "photos", 12)
    (photos / "train/dots/bad.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    (photos / "test/dots/bad.png").write_bytes(b"nothing")
    changed = {**GOOD, "epochs": 1}
    summary = cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **changed)
    assert set(summary["failed"]) == {"train/dots/bad.png", "test/dots/bad.png"}
    assert summary["test"]["head"]["n"] == 36


def test_a_source_may_be_given(photos: Path, tmp_path: Path) -> None:
    source = open_source(photos).filter(split="train")
    source = dataclasses.replace(
        source, records=tuple(dataclasses.replace(record, split=None) for record in source.records)
    )
    summary = cnncodes.finetune(source, tmp_path / "out", backbone=make_backbone(), **{**GOOD, "epochs": 1})
    assert summary["test"] is None and summary["head_trained"] == 240
