"""From a folder of images to a classifier and a network on disk; the same call again does nothing anew."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from tiny_tuning import CLASSES, draw, make_backbone, write_images  # noqa: E402

import cnncodes  # noqa: E402
from cnncodes.backbones.checking.verification import verify_backbone  # noqa: E402
from cnncodes.commands.finetune import FinetuneOptions, run_finetune  # noqa: E402
from cnncodes.commands.models import render_verify  # noqa: E402
from cnncodes.commands.reporter import Reporter  # noqa: E402
from cnncodes.errors import BackboneError, ResultWarning, SourceError, StoreError, UsageError  # noqa: E402
from cnncodes.finetuning.partition import check_parts, find_parts  # noqa: E402
from cnncodes.finetuning.request import Request, make_task  # noqa: E402
from cnncodes.finetuning.settings import FineTuning  # noqa: E402
from cnncodes.finetuning.task import Listeners  # noqa: E402
from cnncodes.finetuning.world import ALONE  # noqa: E402
from cnncodes.images import open_source  # noqa: E402
from cnncodes.schema import from_mapping  # noqa: E402

pytestmark = pytest.mark.slow  # torch

GOOD: dict[str, Any] = {
    "train_views": "flip",
    "unfreeze": "all",
    "base_lr": 0.01,
    "backbone_lr_mult": 1.0,
    "epochs": 12,
    "patience": 12,
    "device": "cpu",
    "n_jobs": 1,
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("photos"), 80)


@pytest.fixture(scope="module")
def done(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[str]]:
    out, said = tmp_path_factory.mktemp("runs") / "tuned", []
    summary = cnncodes.finetune(
        photos, out, backbone=make_backbone(), listeners=Listeners(said.append), **GOOD
    )
    return out, summary, said


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
    again = cnncodes.ImageClassifier(backbone=str(out / "backbone"), n_jobs=1).fit(photos)
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


def test_another_one_needs_another_folder(done: Any, photos: Path) -> None:
    with pytest.raises(StoreError, match="holds another fine-tuning"):
        cnncodes.finetune(photos, done[0], backbone=make_backbone(), **{**GOOD, "epochs": 3})


def test_what_is_no_fine_tuning_is_left_alone(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(StoreError, match=r"holds other things \(holiday\.jpg\)"):
        cnncodes.finetune(photos, tmp_path, backbone=make_backbone())
    with pytest.raises(StoreError, match="it is a file"):
        cnncodes.finetune(photos, tmp_path / "holiday.jpg", backbone=make_backbone())


def test_a_folder_of_ones_own_is_left_alone(photos: Path, tmp_path: Path) -> None:
    """Names as common as `state` and `summary.json` do not make it ours."""
    (tmp_path / "a/state").mkdir(parents=True)
    (tmp_path / "a/state/precious.txt").write_text("x")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/summary.json").write_text('{"mine": 1}')
    for name, shown in (("a", "state/precious.txt"), ("b", "summary.json")):
        with pytest.raises(StoreError, match=rf"holds other things \({shown}\)"):
            cnncodes.finetune(photos, tmp_path / name, backbone=make_backbone(), **GOOD)
    assert (tmp_path / "a/state/precious.txt").read_text() == "x"
    assert (tmp_path / "b/summary.json").read_text() == '{"mine": 1}'


def test_files_of_others_outlast_a_fine_tuning(photos: Path, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(text: str) -> None:
        raise StoppedError

    changed = {**GOOD, "epochs": 1}
    with pytest.raises(StoppedError):
        cnncodes.finetune(photos, tmp_path, backbone=make_backbone(), listeners=Listeners(stop), **changed)
    assert not any(tmp_path.iterdir())
    said: list[str] = []

    def put(text: str) -> None:
        said.append(text)
        (tmp_path / "state/note.txt").write_text("mine")

    cnncodes.finetune(photos, tmp_path, backbone=make_backbone(), listeners=Listeners(put), **changed)
    assert said and [path.name for path in (tmp_path / "state").iterdir()] == ["note.txt"]


@pytest.fixture
def again(done: Any, photos: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that calls for the same fine-tuning, with changes, in a copy of its folder."""
    shutil.copytree(done[0], tmp_path / "out")
    return lambda **changes: cnncodes.finetune(
        photos, tmp_path / "out", backbone=make_backbone(), **{**GOOD, **changes}
    )


def test_a_finished_folder_answers_for_its_own_work_alone(
    again: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="another fine-tuning that is done"):
        again(keep="head")
    (tmp_path / "out/state").mkdir()
    (tmp_path / "out/state/codes.bin").write_bytes(b"left by a kill")
    assert again()["already"] and not (tmp_path / "out/state").exists()
    (tmp_path / "out/classifier.cnncodes").unlink()
    with pytest.raises(StoreError, match=r"classifier\.cnncodes is missing: remove the folder"):
        again()


def test_a_damaged_summary_is_said_with_what_helps(
    again: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "out/summary.json").write_text('{"x')
    with pytest.raises(StoreError, match="damaged: remove the folder to train again"):
        again()
    shutil.rmtree(tmp_path / "out")
    assert again(epochs=1)["kept"] in ("head", "tuned")


def test_other_test_images_are_another_fine_tuning(tmp_path: Path) -> None:
    photos, changed = write_images(tmp_path / "photos", 12), {**GOOD, "epochs": 1}
    cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **changed)
    (photos / "test/dots/000.png").unlink()
    with pytest.raises(StoreError, match="another fine-tuning that is done"):
        cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **changed)


def test_a_test_part_that_cannot_be_read_costs_no_training(tmp_path: Path) -> None:
    photos, changed = write_images(tmp_path / "photos", 12), {**GOOD, "epochs": 1}
    for path in (photos / "test").rglob("*.png"):
        path.write_bytes(b"x")
    summary = cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **changed)
    assert summary["test"] is None and len(summary["failed"]) == 36
    assert "none of the 36 test images can be read" in summary["notes"][-1]
    assert cnncodes.load(tmp_path / "out/classifier.cnncodes").n_images_ > 0


def test_images_in_two_parts_are_told_and_copies_count_once(tmp_path: Path) -> None:
    photos, changed = (
        write_images(tmp_path / "photos", 12, parts=("train", "val", "test")),
        {**GOOD, "epochs": 1, "train_views": "flip, rotation:1"},
    )
    once = cnncodes.finetune(photos, tmp_path / "once", backbone=make_backbone(), **changed)
    assert once["notes"] == []
    for path in sorted((photos / "val").rglob("*.png")):
        for number in range(9):
            shutil.copy(path, path.with_name(f"{path.stem}-{number}.png"))
    shutil.copy(photos / "train/dots/000.png", photos / "test/dots/copy.png")
    shutil.copy(photos / "val/dots/000.png", photos / "test/dots/other.png")
    said = "2 of the 38 test images are trained on, or chosen by, too: their figures flatter"
    with pytest.warns(ResultWarning) as told:
        many = cnncodes.finetune(photos, tmp_path / "many", backbone=make_backbone(), **changed)
    assert [str(one.message) for one in told] == [f"{said}."] and told[0].filename == __file__
    assert many["notes"] == [said]
    with pytest.warns(ResultWarning, match="2 of the 38 test images"):  # whose figures are the same still
        cnncodes.finetune(photos, tmp_path / "many", backbone=make_backbone(), **changed)
    single, copied = (one["validation"]["difference"] for one in (once, many))
    assert copied["n"] == 10 * single["n"] and copied["value"] == pytest.approx(single["value"])
    assert (copied["low"], copied["high"]) == pytest.approx((single["low"], single["high"]), abs=0.06)


def test_where_nothing_was_trained_no_tuned_network_is_kept(photos: Path, tmp_path: Path) -> None:
    changed = {**GOOD, "keep": "tuned", "base_lr": 1e30, "epochs": 2}
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


@pytest.mark.parametrize("name", ["classifier.cnncodes", "backbone/model.onnx", "backbone/card.toml"])
@pytest.mark.parametrize("damage", ["gone", "junk"])
def test_a_folder_that_is_done_and_damaged_says_so(
    name: str, damage: str, done: Any, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(done[0], out)
    path = next((out / "backbone").glob("*.onnx")) if name.endswith(".onnx") else out / name
    path.unlink() if damage == "gone" else path.write_bytes(b"junk")
    with pytest.raises(StoreError, match="remove the folder"):
        cnncodes.finetune(photos, out, backbone=make_backbone(), **GOOD)


def test_a_class_of_which_nothing_can_be_read_is_named(tmp_path: Path) -> None:
    photos = write_images(tmp_path / "photos", 12)
    for path in (photos / "train/dots").glob("*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(SourceError, match="none of the training images of class 'dots' can be read"):
        cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **{**GOOD, "epochs": 1})


def test_another_keep_in_an_unfinished_folder_leaves_a_true_log(photos: Path, tmp_path: Path) -> None:
    def stop(history: Any) -> None:
        if sum(not one.images for one in history) == 2:
            raise InterruptedError

    changed = {**GOOD, "keep": "tuned"}
    with pytest.raises(InterruptedError):
        cnncodes.finetune(
            photos, tmp_path / "out", backbone=make_backbone(), listeners=Listeners(epoch=stop), **changed
        )
    changed = {**GOOD, "keep": "tuned", "refit": False}
    summary = cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **changed)
    assert summary["again"] == []
    rows = list(csv.DictReader((tmp_path / "out/log.csv").open()))
    assert len(rows) == len(summary["history"])


def test_groups_stay_on_one_side_and_are_told_where_they_do_not(tmp_path: Path) -> None:
    photos = write_images(tmp_path / "photos", 24)
    lines = ["image,label,split,patient"]
    for part in ("train", "test"):
        for label in CLASSES:
            lines += [f"{part}/{label}/{i:03}.png,{label},{part},{label}-{i // 4}" for i in range(24)]
    (photos / "images.csv").write_text("\n".join(lines))
    source = open_source(photos / "images.csv", group_column="patient")
    settings = from_mapping(FineTuning, {k: v for k, v in GOOD.items() if k not in ("train_views", "n_jobs")})
    task, test, _ = make_task(find_parts(source), Request(make_backbone()), settings, ALONE)
    assert task.train.groups is not None and task.validation.groups is not None
    assert not set(task.train.groups) & set(task.validation.groups)
    assert check_parts(task, test)[:1] == [
        "72 of the 72 test images are of groups that are trained on, or chosen by: their figures flatter"
    ]


def test_classes_without_an_image_to_judge_by_are_told(tmp_path: Path) -> None:
    photos = write_images(tmp_path / "photos", 6, parts=("train", "val", "test"))
    shutil.rmtree(photos / "val/dots")
    shutil.rmtree(photos / "test/dots")
    shutil.rmtree(photos / "test/plain")
    settings = from_mapping(FineTuning, {"device": "cpu"})
    parts = find_parts(open_source(photos))
    task, test, _ = make_task(parts, Request(make_backbone()), settings, ALONE)
    assert check_parts(task, test) == [
        "the validation images have none of the class 'dots', of which their figures say nothing",
        "the test images have none of 2 of 3 classes ('dots', 'plain'), of which their figures say nothing",
    ]


def test_the_share_that_few_images_allow_is_told_where_it_is_another(tmp_path: Path) -> None:
    photos = write_images(tmp_path / "photos", 2, parts=("train", "test"))
    settings = from_mapping(FineTuning, {"device": "cpu", "validation": 0.2})
    parts = find_parts(open_source(photos))
    task, test, _ = make_task(parts, Request(make_backbone()), settings, ALONE)
    assert any(note.startswith("3 of 6 images, 50%, are held out") for note in check_parts(task, test))
    images, labels = zip(*[(draw(label, i), label) for label in CLASSES for i in range(2)], strict=True)
    classifier = cnncodes.ImageClassifier(
        make_backbone(), finetune={"epochs": 1, "freeze_epochs": 0}, train_views="rotation:2", n_jobs=1
    )
    with pytest.warns(ResultWarning, match="3 of 6 images, 50%, are held out"):
        classifier.fit(list(images), list(labels))


def test_the_command_says_once_what_flatters(done: Any, tmp_path: Path) -> None:
    photos, stream = write_images(tmp_path / "photos", 12), io.StringIO()
    shutil.copy(photos / "train/dots/000.png", photos / "test/dots/copy.png")
    given = {**GOOD, "epochs": 1, "freeze_epochs": 0, "keep": "head", "backbone": str(done[0] / "backbone")}
    options = FinetuneOptions(src=str(photos), out=str(tmp_path / "out"), **given)
    result = run_finetune(options, Reporter(stream))
    assert any(note.startswith("1 of the 37 test images") for note in result["notes"]), result["notes"]
    for note in result["notes"]:
        assert stream.getvalue().count(note) == stream.getvalue().count(f"cnncodes: warning: {note}") == 1


def test_images_that_are_left_out_or_contradict_are_told_first(tmp_path: Path) -> None:
    photos = write_images(tmp_path / "photos", 24)
    lines = ["image,label,split"]
    for label in CLASSES:
        lines += [f"train/{label}/{i:03}.png,{label},{'' if i < 2 else 'train'}" for i in range(24)]
    shutil.copy(photos / "train/dots/010.png", photos / "copy.png")
    lines += ["copy.png,lines,train", "train/dots/000.png,,train"]
    (photos / "images.csv").write_text("\n".join(lines))
    said: list[str] = []
    changed = {**GOOD, "epochs": 1, "keep": "head", "train_views": "flip, rotation:1"}
    summary = cnncodes.finetune(
        photos / "images.csv",
        tmp_path / "out",
        backbone=make_backbone(),
        listeners=Listeners(said.append, warn=said.append),
        **changed,
    )
    expected = [
        "1 of 74 images have no label and are left out: 'train/dots/000.png#2'",
        "6 of 74 images are in no part (train, val or test) and are left out: 'train/dots/000.png',"
        " 'train/dots/001.png', 'train/lines/000.png', 'train/lines/001.png', 'train/plain/000.png' and"
        " 1 more",
        "1 image is there under several labels, of which one at most can be right: 'copy.png' (lines),"
        " 'train/dots/010.png' (dots)",
    ]
    assert said[:3] == expected == summary["notes"]


def test_a_network_whose_codes_are_all_alike_costs_no_head(tmp_path: Path) -> None:
    """ONNX Runtime and torch cannot agree on what is rounding alone; the head is kept, and it is said why."""
    photos = write_images(tmp_path / "photos", 24)
    flat = {
        "layer2__bn__weight": np.full(6, 3e-3, np.float32),
        "layer2__bn__bias": np.full(6, 1e3, np.float32),
    }
    alike = make_backbone(flat)
    changed = {**GOOD, "keep": "tuned", "epochs": 1, "base_lr": 1e-6, "freeze_epochs": 0, "refit": False}
    summary = cnncodes.finetune(photos, tmp_path / "out", backbone=alike, **changed)
    assert summary["verdict"].startswith("There is no tuned network: what was trained gives other codes")
    assert summary["verdict"].endswith("Kept: the head alone.")
    assert (summary["kept"], summary["is_trained"]) == ("head", False)
    cnncodes.load(tmp_path / "out/classifier.cnncodes").predict(photos)


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
        with pytest.raises(UsageError, match="network has none, as all these images trained it or chose its"):
            classifier.predict_or_abstain(images, risk=0.5)
        with pytest.raises(UsageError, match="brought the training images together: fit a head on its codes"):
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
        ({"unfreeze": "layer9"}, UsageError, "layer9"),
        ({"unfreeze": "last:9"}, UsageError, "from 1 to 3"),
        ({"base_lr": 0.0}, UsageError, "above 0"),
        ({"epoch": 1}, UsageError, "unknown option 'epoch'. Did you mean 'epochs'"),
        ({"batch_size": 1000}, UsageError, "more than the 192 images"),
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


def test_where_nothing_came_of_it_no_folder_stays(tmp_path: Path) -> None:
    photos = write_images(tmp_path / "photos", 4)
    with pytest.raises(UsageError):
        cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **{**GOOD, "batch_size": 99})
    assert not (tmp_path / "out").exists()


def test_rounded_weights_are_refused(photos: Path, tmp_path: Path) -> None:
    backbone = cnncodes.load_backbone("efficientnet-lite0", precision="int8")
    with pytest.raises(BackboneError, match=r"is int8.*take the fp32 network that it was made from"):
        cnncodes.finetune(photos, tmp_path / "out", backbone=backbone)


def test_only_one_writes_to_a_folder(photos: Path, tmp_path: Path) -> None:
    from cnncodes.finetuning.folder import TuningFolder

    held = TuningFolder(tmp_path / "out")
    with pytest.raises(StoreError, match=r"being written by process \d+"):
        cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **GOOD)
    held.close()


def test_a_classifier_fine_tunes_in_fit(photos: Path) -> None:
    settings = {key: value for key, value in GOOD.items() if key not in ("train_views", "n_jobs")}
    classifier = cnncodes.ImageClassifier(make_backbone(), finetune=settings, n_jobs=1)
    with pytest.warns(UserWarning, match="fixed views alone"):
        classifier.fit(photos / "train")
    assert classifier.tuning_.kept == "tuned"
    assert "validation images" in classifier.tuning_.verdict
    assert classifier.predictor_.embedder.backbone.card.name == "small-tuned"
    head = cnncodes.ImageClassifier(make_backbone(), n_jobs=1).fit(photos / "train")
    assert classifier.score(photos) > head.score(photos) + 0.1


def test_no_settings_are_settings_too(photos: Path) -> None:
    """An empty dictionary is what a search over settings begins with; it had meant not to fine-tune."""
    classifier = cnncodes.ImageClassifier(make_backbone(), finetune={}, train_views="rotation:2", n_jobs=1)
    assert classifier.fit(photos / "test").tuning_.kept in ("head", "tuned")


@pytest.mark.filterwarnings("ignore:fine-tuning on fixed views")
def test_a_classifier_says_what_it_cannot_fine_tune(photos: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    images, labels = [draw(name, i) for name in CLASSES for i in range(4)], np.repeat(CLASSES, 4)
    make = cnncodes.ImageClassifier
    for classifier, fits, said in (
        (make(make_backbone(), LogisticRegression(), finetune=True), {}, "a linear head by name"),
        (make(make_backbone(), "knn", finetune=True), {}, "logistic, .*lda or centroid. Got 'knn'"),
        (make(make_backbone(), "auto", finetune=True), {}, "logistic, .*lda or centroid. Got 'auto'"),
        (make(make_backbone(), "rbf-svm", finetune=True), {}, "logistic, .*lda or centroid. Got 'rbf-svm'"),
        (make(make_backbone(), finetune={"epoch": 3}), {}, "epoch"),
        (make(make_backbone(), finetune="yes"), {}, "must be True, a dictionary"),
        (make(make_backbone(), finetune=True), {"sample_weight": np.ones(12)}, "no sample_weight"),
    ):
        with pytest.raises(UsageError, match=said):
            classifier.fit(images, labels, **fits)


def test_a_source_may_be_given(photos: Path, tmp_path: Path) -> None:
    source = open_source(photos).filter(split="train")
    source = dataclasses.replace(
        source, records=tuple(dataclasses.replace(record, split=None) for record in source.records)
    )
    summary = cnncodes.finetune(source, tmp_path / "out", backbone=make_backbone(), **{**GOOD, "epochs": 1})
    assert summary["test"] is None and summary["head_trained"] == 240
