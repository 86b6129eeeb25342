"""``cnncodes evaluate --report``: the suffix decides what is written."""

from __future__ import annotations

import hashlib
import html
import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from made_reports import make_ladder
from PIL import Image

from cnncodes.cli import main
from cnncodes.commands import companions, training_images
from cnncodes.errors import install_advice


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with pictures of two classes in two parts, and a classifier of them."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("fitted")
    for part in ("train", "test"):
        for label, bright in (("dark", 60), ("light & bright", 190)):
            (folder / "photos" / part / label).mkdir(parents=True)
            for i in range(5):
                middle = bright + 15 * (i - 2)  # such that no answer is quite sure
                pixels = rng.integers(middle - 30, middle + 30, (40, 48, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / "photos" / part / label / f"<{i}>.png")
    (folder / "photos/test/dark/broken.png").write_text("no picture")
    asked = ["fit", str(folder / "photos"), "-q", "-o", str(folder / "m.cnncodes"), "--test-views", "center"]
    assert main([*asked, "--train-views", "center", "--memory", str(folder / "memory")]) == 0
    return folder


def test_a_page_is_written_with_the_figures_that_are_printed(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    path = tmp_path / "new" / "Report.HTML"
    asked = ["evaluate", str(fitted / "m.cnncodes"), str(fitted / "photos"), "-o", str(path)]
    assert main([*asked, "--memory", str(fitted / "memory"), "--max-failures", "1", "-q", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    page = path.read_text("utf-8")
    assert found["report"] == str(path) and found["n"] == 10
    accuracy = found["accuracy"]
    ends = f"{accuracy['low']:.3f} to {accuracy['high']:.3f}"
    assert f"<td>{accuracy['value']:.3f}</td><td>{ends}</td>" in page
    assert "1 image could not be used" in page and "light &amp; bright" in page
    assert "1970-01-01 00:00 UTC" in page
    training = dict(re.findall(r">Classifier, ([a-z ]+)</t[dh]><td><code>([^<]*)</code>", page))
    assert training["images trained on"] == "10" and training["trained by"].startswith("cnncodes ")
    assert re.fullmatch(r"C = [0-9.e+-]+, scaling = (l2|standard)", training["settings of the head"])
    assert training["random state of training"] == "0" and training["views trained on"] == "center"
    [command] = re.findall(r'aria-label="Command"><code>(.*?)</code>', page)
    assert shlex.split(html.unescape(command)) == [
        "cnncodes", *asked[:3], "--report", str(path), "--memory", str(fitted / "memory"),
        "--max-failures", "1",
    ]  # fmt: skip


def test_json_is_written_as_before(fitted: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    asked = ["evaluate", str(fitted / "m.cnncodes"), str(fitted / "photos"), "-o", str(path), "-q"]
    assert main([*asked, "--memory", str(fitted / "memory")]) == 3  # the broken one
    found = json.loads(path.read_text())
    assert len(found["predictions"]) == 11 and found["accuracy"]["n"] == 10


def test_json_has_what_figures_are_computed_of_and_how_to_make_them_again(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    path, model = tmp_path / "report.json", fitted / "m.cnncodes"
    asked = ["evaluate", str(model), str(fitted / "photos"), "-o", str(path), "--holdout", "0.5"]
    assert main([*asked, "--memory", str(fitted / "memory"), "--split", "all", "-q"]) == 3
    found = json.loads(path.read_text())
    read = [row for row in found["predictions"] if row["reason"] is None]
    assert all(row["probability"] == max(row["probabilities"].values()) for row in read)
    losses = [-np.log(row["probabilities"][row["label"]]) for row in read]
    assert np.mean(losses) == pytest.approx(found["log_loss"]["value"], rel=1e-5)
    [broken] = [row for row in found["predictions"] if row["reason"] is not None]
    assert broken["probabilities"] is None and broken["group"] is None
    again = found["reproduce"]
    assert again["model_sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert shlex.split(again["command"])[:4] == ["cnncodes", *asked[:3]] and again["holdout"] == 0.5
    assert again["date"] == "1970-01-01 00:00 UTC" and again["random_states"]
    assert again["versions"]["cnncodes"] and again["training"]["random state of training"] == "0"
    assert again["source"] == str(fitted / "photos") and "split" in again


def test_another_suffix_is_refused_before_any_work(fitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(fitted / "m.cnncodes"), str(fitted / "photos"), "-o", "report.pdf"]) == 2
    assert "--report (-o) is wrong: must end in .json or .html. Got 'report.pdf'" in capsys.readouterr().err


def write(fitted: Path, path: Path, *more: str, source: Path | None = None) -> str:
    """Write a page and return it."""
    asked = ["evaluate", str(fitted / "m.cnncodes"), str(source or fitted / "photos"), "-o", str(path), "-q"]
    assert main([*asked, "--memory", str(fitted / "memory"), "--max-failures", "1", *more]) == 0
    return path.read_text("utf-8")


@pytest.mark.slow
def test_the_part_train_lies_next_to_the_images_and_is_checked_with_them(
    fitted: Path, tmp_path: Path
) -> None:
    page = write(fitted, tmp_path / "r.html")
    assert f"Searched are 10 images of the part train of {fitted / 'photos'} that the classifier" in page
    assert page.count('<details class="nearest">') > 0 and "Thumbnail of train/dark/&lt;0&gt;.png" in page
    assert "Checked are 10 images that were evaluated and 10 that were trained on" in page
    page = write(fitted, tmp_path / "r.html", "--train", "none", "--checks", "never")
    assert "not shown. They were left out by --train none." in page and 'class="nearest"' not in page
    assert "not checked. They were left out by --checks never." in page


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--train", "none"], "They were left out by --train none."),
        (["--train", "{}/photos/test"], "this classifier was trained on 0 that can be read"),
    ],
)
def test_what_may_be_shared_with_training_images_is_said_not_to_be_checked_without_them(
    fitted: Path, tmp_path: Path, more: list[str], why: str
) -> None:
    page = write(fitted, tmp_path / "r.html", *(word.format(fitted) for word in more))
    [said] = re.findall("<h3>Not checked</h3><ul>(.*?)</ul>", page)
    for check in ("Copies", "Groups on both sides"):
        assert f"<li>{check}: not looked for between training images and these" in said
    assert said.count(why) == 2 and "not in several parts" not in said
    whole = write(fitted, tmp_path / "r.html", "--split", "all", *(word.format(fitted) for word in more))
    assert "no image says what group it belongs to" in whole and "not looked for" not in whole


@pytest.mark.slow
def test_training_images_of_another_source_keep_names_of_their_own(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both sources have an image dark/<0>.png, which must not be taken for one."""
    test, train = fitted / "photos" / "test", fitted / "photos" / "train"
    page = write(fitted, tmp_path / "r.html", "--train", str(train), source=test)
    assert f"Searched are 10 images of {train} that" in page
    assert f"Thumbnail of {train}/dark/&lt;0&gt;.png" in page
    assert "Checked are 10 images that were evaluated and 10 that were trained on" in page
    page = write(fitted, tmp_path / "r.html", source=test)
    assert f"{test} has no part train: --train SRC says where they are." in page
    page = write(fitted, tmp_path / "r.html", "--train", str(test), source=test)
    assert f"Of 11 images of {test}, this classifier was trained on 0 that can be read" in page
    assert "nearest training images are left out: Of 11 images" in capsys.readouterr().err


def test_an_image_that_was_trained_on_is_not_its_own_neighbour(fitted: Path, tmp_path: Path) -> None:
    page = write(fitted, tmp_path / "r.html", "--split", "train")
    for figure in re.findall("<figure>.*?</figure>", page, re.DOTALL):
        if '<details class="nearest">' in figure:
            [own, *near] = re.findall(r'(?:alt|aria-label)="Thumbnail of ([^"]+)"', figure)
            assert len(near) == 4 and own not in near
    assert "Checked are 10 images that were evaluated, by" in page


@pytest.mark.parametrize(
    ("source", "more", "has_onnx", "lacks"),
    [
        ("photos/test", [], False, ["nearest training images (--train SRC", "class activation maps (pip"]),
        ("photos/test", [], True, ["nearest training images (--train SRC"]),
        ("photos", [], False, ["class activation maps (pip"]),
        ("photos/test", ["--train", "none"], True, []),
        ("photos", [], True, []),
    ],
)
def test_what_a_page_lacks_and_how_to_have_it_is_said_in_one_note(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    source: str, more: list[str], has_onnx: bool, lacks: list[str],
) -> None:  # fmt: skip
    if not has_onnx:
        monkeypatch.setitem(sys.modules, "onnx", None)
    asked = ["evaluate", str(fitted / "m.cnncodes"), str(fitted / source), "-o", str(tmp_path / "r.html")]
    assert main([*asked, "--memory", str(fitted / "memory"), "--max-failures", "1", *more]) == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if "r.html lacks" in line]
    assert len(notes) == bool(lacks)
    said = "".join(notes)
    for word in ("nearest training images (--train SRC", "class activation maps (pip"):
        assert (word in said) is (word in lacks)
    assert has_onnx or install_advice("report") in said


@pytest.mark.slow
def test_the_source_itself_as_that_of_training_images_is_one_source(fitted: Path, tmp_path: Path) -> None:
    """Under two names each image would be its own neighbour, and a copy in another part."""
    train = str(fitted / "photos" / ".." / "photos")
    page = write(fitted, tmp_path / "r.html", "--split", "all", "--train", train)
    assert "Checked are 20 images that were evaluated, by" in page
    assert "in more than one part" not in page and "Thumbnail of train/dark/&lt;0&gt;.png" in page


@pytest.mark.slow
def test_copies_across_the_parts_are_found_and_warned_of(fitted: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(fitted / "photos", photos)
    shutil.copy(photos / "train/dark/<0>.png", photos / "test/dark/copy.png")
    page = write(fitted, tmp_path / "r.html", source=photos)
    [warnings] = re.findall('<div class="warnings".*?</div>', page, re.DOTALL)
    assert "in more than one part, as equal files" in warnings and "1 of 11 images was trained on" in warnings


@pytest.mark.slow
def test_more_images_are_checked_where_that_is_asked_for(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(companions, "FEW", 19)
    assert "that takes minutes: --checks always does it" in write(fitted, tmp_path / "r.html")
    assert "Checked are 10 images" in write(fitted, tmp_path / "r.html", "--checks", "always")


def test_of_many_training_images_some_are_drawn(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training_images, "MOST", 6)
    assert "Searched are 6 images of the part train" in write(fitted, tmp_path / "r.html")
    assert "of the training images 6 are drawn" in capsys.readouterr().err


@pytest.mark.slow
def test_a_baseline_is_shown_with_the_classifier_where_it_is_of_the_same_images(
    fitted: Path, tmp_path: Path
) -> None:
    (tmp_path / "b.json").write_text(json.dumps(make_baseline(fitted, "test")))
    page = write(fitted, tmp_path / "r.html", "--baseline", str(tmp_path / "b.json"))
    assert "this classifier</text>" in page and '<section id="curve"' in page and 'href="#cost"' in page
    (tmp_path / "b.json").write_text(json.dumps(make_baseline(fitted, "train")))
    page = write(fitted, tmp_path / "r.html", "--baseline", str(tmp_path / "b.json"))
    assert "this classifier</text>" not in page and "are not those of this report" in page


def make_baseline(fitted: Path, part: str) -> dict[str, object]:
    files = sorted((fitted / "photos" / part).glob("*/*.png"))
    names = {str(f.relative_to(fitted / "photos")): f.parent.name for f in files if f.name != "broken.png"}
    return make_ladder(images=list(names), labels=list(names.values()))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["-o", "r.json", "--train", "x"], "--train: for a page alone. Give one, such as -o report.html."),
        (["--checks", "never", "--baseline", "b"], "--baseline and --checks: for a page alone."),
        (["-o", "r.html", "--baseline", "{}/nix.json"], "nix.json' cannot be read: No such file"),
        (["-o", "r.html", "--baseline", "{}/m.cnncodes"], "m.cnncodes' is no JSON"),
        (["-o", "r.html", "--baseline", "{}/other.json"], "is no report that 'cnncodes baseline -o' of this"),
        (["-o", "r.html", "--train", "{}/nix"], "nix"),
    ],
)
def test_what_cannot_be_shown_is_said_before_any_work(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    more: list[str], said: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (fitted / "other.json").write_text("{}")
    asked = ["evaluate", str(fitted / "m.cnncodes"), str(fitted / "photos"), "-q"]
    assert main([*asked, *(text.format(fitted) for text in more)]) in (1, 2)
    assert said in capsys.readouterr().err and not (tmp_path / "r.html").exists()


def test_a_ladder_is_written_as_a_page(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ladder.html"
    asked = ["baseline", str(fitted / "photos"), "--only", "majority,pixels", "--curve", "-o", str(path)]
    assert main([*asked, "--max-failures", "1", "-q", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    page = path.read_text("utf-8")
    assert "Is it worth it?" in page and html.escape(found["verdict"]) in page
    accuracy = found["raw_pixels"]["accuracy"]["value"]
    assert f"<td>{accuracy:.3f}</td>" in page and '<section id="cost"' in page
    assert (found["curve"] is not None) == ('<section id="curve"' in page)
    assert "cnncodes baseline" in page and "Random state: folds" in page
