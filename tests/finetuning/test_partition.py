"""What is said of the parts of a source before a network is trained on them."""

from __future__ import annotations

import dataclasses
import io
import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from tiny_tuning import CLASSES, GOOD, draw, make_backbone, write_images  # noqa: E402

import cnncodes  # noqa: E402
from cnncodes.backbones import Backbone  # noqa: E402
from cnncodes.commands.finetune import FinetuneOptions, run_finetune  # noqa: E402
from cnncodes.commands.reporter import Reporter  # noqa: E402
from cnncodes.errors import ResultWarning  # noqa: E402
from cnncodes.finetuning.partition import check_parts, find_parts  # noqa: E402
from cnncodes.finetuning.request import Request, make_task  # noqa: E402
from cnncodes.finetuning.settings import FineTuning  # noqa: E402
from cnncodes.finetuning.task import Listeners  # noqa: E402
from cnncodes.finetuning.world import ALONE  # noqa: E402
from cnncodes.images import open_source  # noqa: E402
from cnncodes.schema import from_mapping  # noqa: E402

pytestmark = pytest.mark.slow  # torch


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


def test_groups_stay_on_one_side_and_are_told_where_they_do_not(tmp_path: Path) -> None:
    photos = write_images(tmp_path / "photos", 24)
    lines = ["image,label,split,patient"]
    for part in ("train", "test"):
        for label in CLASSES:
            lines += [f"{part}/{label}/{i:03}.png,{label},{part},{label}-{i // 4}" for i in range(24)]
    (photos / "images.csv").write_text("\n".join(lines))
    source = open_source(photos / "images.csv", group_column="patient")
    settings = from_mapping(FineTuning, {k: v for k, v in GOOD.items() if k not in ("train_views", "n_jobs")})
    task, test = make_task(find_parts(source), Request(make_backbone()), settings, ALONE)
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
    task, test = make_task(parts, Request(make_backbone()), settings, ALONE)
    assert check_parts(task, test) == [
        "the validation images have none of the class 'dots', of which their figures say nothing",
        "the test images have none of 2 of 3 classes ('dots', 'plain'), of which their figures say nothing",
    ]


def test_the_share_that_few_images_allow_is_told_where_it_is_another(tmp_path: Path) -> None:
    photos = write_images(tmp_path / "photos", 2, parts=("train", "test"))
    settings = from_mapping(FineTuning, {"device": "cpu", "validation": 0.2})
    parts = find_parts(open_source(photos))
    task, test = make_task(parts, Request(make_backbone()), settings, ALONE)
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


def test_images_that_have_tuned_the_network_before_are_told(done: Any, photos: Path, tmp_path: Path) -> None:
    once = cnncodes.load_backbone(done[0] / "backbone")
    settings = from_mapping(FineTuning, {"device": "cpu"})

    def tell(source: Path, backbone: Any) -> list[str]:
        task, test = make_task(find_parts(open_source(source)), Request(backbone), settings, ALONE)
        return check_parts(task, test)

    seen = "48 of the 48 validation images have tuned small-tuned before, or chosen its epoch"
    assert tell(photos, once) == [f"{seen}: their figures flatter"]
    others = write_images(tmp_path / "others", 6, parts=("0", "1", "2")) / "2"
    assert tell(others, once) == tell(photos, make_backbone()) == []
    older = Backbone(once.model_bytes(), dataclasses.replace(once.card, seen=None))
    [said] = tell(others, older)
    assert said.startswith("small-tuned was fine-tuned before, and its card does not say on which images")
    classifier = cnncodes.ImageClassifier(
        once, finetune={"epochs": 1, "freeze_epochs": 0, "device": "cpu"}, train_views="rotation:2", n_jobs=1
    )
    with pytest.warns(ResultWarning, match="validation images have tuned small-tuned before"):
        classifier.fit(photos / "train")
