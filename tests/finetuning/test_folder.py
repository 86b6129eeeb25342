"""The folder that a fine-tuning writes to: others' things are left alone, and what is done is known again."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from tiny_tuning import GOOD, make_backbone, write_images  # noqa: E402

import cnncodes  # noqa: E402
from cnncodes.errors import StoreError, UsageError  # noqa: E402
from cnncodes.finetuning.folder import TuningFolder  # noqa: E402
from cnncodes.finetuning.task import Listeners  # noqa: E402

pytestmark = pytest.mark.slow  # torch


def leave(folder: TuningFolder) -> None:
    """Leave a folder as a kill does."""
    folder._stopped.set()
    folder._clock.join()
    folder._lock.release()


def test_another_one_needs_another_folder(done: Any, photos: Path) -> None:
    with pytest.raises(StoreError, match="holds another fine-tuning"):
        cnncodes.finetune(photos, done[0], backbone=make_backbone(), **{**GOOD, "epochs": 3})


def test_what_is_no_fine_tuning_is_left_alone(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(StoreError, match=r"holds other things \(holiday\.jpg\)"):
        cnncodes.finetune(photos, tmp_path, backbone=make_backbone())
    with pytest.raises(StoreError, match="it is a file"):
        cnncodes.finetune(photos, tmp_path / "holiday.jpg", backbone=make_backbone())


def test_a_link_to_what_is_not_there_is_no_matter_of_rights(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    with pytest.raises(StoreError, match=r"dangling: it is a link to .*gone, which is not there"):
        cnncodes.finetune(photos, tmp_path / "dangling", backbone=make_backbone())
    (tmp_path / "gone").mkdir()
    TuningFolder(tmp_path / "dangling").close()


def test_a_folder_of_ones_own_is_left_alone(photos: Path, tmp_path: Path) -> None:
    """Names as common as `state` and `summary.json` do not make it ours."""
    (tmp_path / "a/state").mkdir(parents=True)
    (tmp_path / "a/state/precious.txt").write_text("x")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/summary.json").write_text('{"mine": 1}')
    (tmp_path / "c").mkdir()
    (tmp_path / "c/summary.json").write_text("mine")
    (tmp_path / "d/summary.json").mkdir(parents=True)
    (tmp_path / "e/state").mkdir(parents=True)
    (tmp_path / "e/state/features.json").write_text('{"mine": 1}')
    leave(TuningFolder(tmp_path / "f"))
    (tmp_path / "f/summary.json").write_text("mine")
    named = {"a": "state/precious.txt", "e": "state/features.json"}
    for name, shown in (named | dict.fromkeys("bcdf", "summary.json")).items():
        with pytest.raises(StoreError, match=rf"holds other things \({shown}\)"):
            cnncodes.finetune(photos, tmp_path / name, backbone=make_backbone(), **GOOD)
    assert (tmp_path / "a/state/precious.txt").read_text() == "x"
    assert (tmp_path / "b/summary.json").read_text() == '{"mine": 1}'
    assert (tmp_path / "c/summary.json").read_text() == "mine"


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


def test_what_a_kill_left_half_written_takes_no_room_any_more(tmp_path: Path) -> None:
    leave(TuningFolder(tmp_path / "out"))
    left = tmp_path / "out/state/.checkpoint.safetensors.0123abcd.tmp"
    left.write_bytes(b"half")
    held = TuningFolder(tmp_path / "out")
    assert not left.exists()
    held.close()


def leave_half_written(out: Path) -> list[Path]:
    """Leave what a kill leaves while the outputs are written."""
    (out / "backbone").mkdir(parents=True, exist_ok=True)
    names = ("classifier.cnncodes", "log.csv", "summary.json", "backbone/model.onnx")
    left = [(out / name).with_name(f".{Path(name).name}.be5472b5.tmp") for name in names]
    for path in left:
        path.write_bytes(b"half")
    return left


def test_what_a_kill_left_of_the_outputs_goes(again: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """By the same command in a folder that is done, which nothing is written to again, and in another."""
    out = tmp_path / "out"
    left = leave_half_written(out)
    names = "model-int8.onnx", "card.toml"
    others = [out / f"backbone/.{name}.be5472b5.tmp" for name in names]
    for path in others:  # somebody quantises the network
        path.write_bytes(b"half")
    assert again()["already"]
    assert not any(path.exists() for path in left) and all(path.exists() for path in others)
    shutil.rmtree(out)

    def stop(history: Any) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        again(listeners=Listeners(epoch=stop))
    left = leave_half_written(out)
    again()
    assert not any(path.exists() for path in left)


def test_the_time_of_a_run_that_is_killed_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it was at: nothing but the clock writes here."""
    monkeypatch.setattr("cnncodes.finetuning.folder._TICK", 0.05)
    killed = TuningFolder(tmp_path / "out")
    while killed.cpu_seconds < 0.4:
        pass
    leave(killed)
    again = TuningFolder(tmp_path / "out")
    assert 0.3 <= again.seconds <= killed.seconds
    assert 0.3 <= again.cpu_seconds <= killed.cpu_seconds
    again.close()
    assert not any((tmp_path / "out").iterdir())


def test_without_the_record_of_its_time_it_goes_on(photos: Path, tmp_path: Path) -> None:
    """As without any other file of its state."""

    def stop(history: Any) -> None:
        if len(history) == 3:
            raise InterruptedError

    def tune(listeners: Listeners) -> dict[str, Any]:
        changed = {**GOOD, "epochs": 2, "freeze_epochs": 1}
        return cnncodes.finetune(
            photos, tmp_path / "out", backbone=make_backbone(), listeners=listeners, **changed
        )

    with pytest.raises(InterruptedError):
        tune(Listeners(epoch=stop))
    (tmp_path / "out/state/finetuning.json").unlink()
    said: list[str] = []
    assert tune(Listeners(said.append))["kept"] in ("head", "tuned")
    assert any(line.startswith("going on after") for line in said)


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
    for text in ('{"x', "[" * 100_000):
        (tmp_path / "out/summary.json").write_text(text)
        with pytest.raises(StoreError, match="damaged: remove the folder to train again"):
            again()
    shutil.rmtree(tmp_path / "out")
    assert again(epochs=1)["kept"] in ("head", "tuned")


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


def test_other_test_images_are_another_fine_tuning(tmp_path: Path) -> None:
    photos, changed = write_images(tmp_path / "photos", 12), {**GOOD, "epochs": 1}
    cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **changed)
    (photos / "test/dots/000.png").unlink()
    with pytest.raises(StoreError, match="another fine-tuning that is done"):
        cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **changed)


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


def test_where_nothing_came_of_it_no_folder_stays(tmp_path: Path) -> None:
    photos = write_images(tmp_path / "photos", 4)
    with pytest.raises(UsageError):
        cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **{**GOOD, "batch_size": 99})
    assert not (tmp_path / "out").exists()


def test_only_one_writes_to_a_folder(photos: Path, tmp_path: Path) -> None:
    held = TuningFolder(tmp_path / "out")
    with pytest.raises(StoreError, match=r"being written by this very process, \d+"):
        cnncodes.finetune(photos, tmp_path / "out", backbone=make_backbone(), **GOOD)
    held.close()
