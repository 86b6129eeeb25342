"""``cnncodes models quantize``: whole folders, honest figures, and nothing lost on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_convolutions import draw_pictures, write_convolutions

from cnncodes import load, load_backbone
from cnncodes.backbones import Card, models_folder
from cnncodes.cli import main
from cnncodes.commands import further_files
from cnncodes.commands.quantize import render_quantize
from cnncodes.errors import UsageError

SHIPPED = models_folder() / "efficientnet-lite0"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 60 pictures in two classes, by what is brighter in them, red or blue."""
    root = tmp_path_factory.mktemp("photos")
    for number, pixels in enumerate(draw_pictures(60, side=48)):
        name = "red" if pixels[..., 0].mean() > pixels[..., 2].mean() else "blue"
        (root / name).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(root / name / f"{number:03}.png")
    return root


@pytest.fixture(autouse=True)
def few_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calibrate such small networks on fewer patches, for speed."""
    monkeypatch.setattr("cnncodes.embedding.calibrating.PATCHES", 128)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNCODES_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "models"


def quantize(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["models", "quantize", *map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def fail(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 1) -> str:
    assert main(["models", "quantize", *map(str, arguments)]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()[-1]


@pytest.mark.slow
def test_a_network_of_ones_own_gets_a_further_file(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_convolutions(tmp_path / "net")
    before = Card.read(folder / "card.toml")
    result = quantize(capsys, folder, "--calibrate", photos)
    assert result["out"] == str(folder) and result["calibrated_on"] == result["images"] == 60
    assert result["calibrated"] == 60
    assert set(result["milliseconds"]) == {"fp32", "uint8", "int8"}
    times = {kind: result["milliseconds"][kind] for kind in ("uint8", "int8")}
    assert times[result["activations"]] == min(times.values())  # rounded, they may be the same
    assert result["change"]["n"] == 60 and result["equal"] is False
    card = Card.read(folder / "card.toml")
    assert card.precisions == {"int8": "int8.onnx"} and card.name == before.name
    assert card.files["model.onnx"] == before.files["model.onnx"]
    facts = card.quantization["int8"]
    assert (facts.images, facts.compared, facts.equal) == (60, 60, False) and facts.cosine > 0.99
    full, int8 = load_backbone(folder), load_backbone(folder, precision="int8")
    assert full.precision == "fp32" and int8.precision == "int8" and full.sha256 != int8.sha256
    assert {path.name for path in folder.iterdir()} == {"card.toml", "model.onnx", "int8.onnx"}


@pytest.mark.slow
def test_a_saved_classifier_gets_a_second_one_on_the_new_network(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, saved = write_convolutions(tmp_path / "net"), tmp_path / "saved.cnncodes"
    views = ["--train-views", "center", "--test-views", "center"]
    assert main(["fit", str(photos), "-o", str(saved), "--backbone", str(folder), *views, "-q"]) == 0
    capsys.readouterr()
    before = saved.read_bytes()
    result = quantize(capsys, saved, "--calibrate", photos, "--activations", "uint8")
    assert (result["out"], result["file"]) == (str(tmp_path), "saved-int8.cnncodes")
    assert result["trained_on"] == 60 and result["change"]["n"] == 60 and result["cosine"] > 0.99
    assert saved.read_bytes() == before and not (folder / "int8.onnx").exists()
    made = load(tmp_path / "saved-int8.cnncodes")
    assert made.space_.precision == "int8" and made.classes_.tolist() == ["blue", "red"]
    found = made.predict([str(path) for path in sorted(photos.glob("*/*.png"))])
    names = [path.parent.name for path in sorted(photos.glob("*/*.png"))]
    assert np.mean(found == names) == result["accuracy"]["value"]
    with pytest.raises(UsageError, match="no out-of-fold answers"):
        made.predict_or_abstain([str(next(photos.glob("*/*.png")))])
    assert "is of int8 already" in fail(capsys, tmp_path / "saved-int8.cnncodes", "--calibrate", photos)
    assert "would be replaced" in fail(capsys, saved, "--calibrate", photos, "-o", saved, status=2)


def test_a_file_that_is_no_classifier_is_said_to_be_none(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = next(photos.glob("*/*.png"))
    assert "is no saved classifier" in fail(capsys, picture, "--calibrate", photos)


@pytest.mark.slow
def test_the_report_says_why_it_is_not_offered_as_equal(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_convolutions(tmp_path / "net")
    assert (
        main(["models", "quantize", str(folder), "--calibrate", str(photos), "--activations", "uint8"]) == 0
    )
    captured = capsys.readouterr()
    assert "not offered as equal: fewer than 2,000 images" in captured.out
    assert "on 60 images" in captured.out and "times as fast as fp32" in captured.out
    assert "calibrating on 60 images" in captured.err and "comparing codes" in captured.err


@pytest.mark.slow
def test_a_second_precision_joins_the_first_and_each_is_made_again_in_place(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_convolutions(tmp_path / "net")
    first = quantize(capsys, folder, "--calibrate", photos, "--activations", "uint8")
    quantize(capsys, folder, "--calibrate", photos, "--precision", "fp16")
    assert first["file"] == "int8.onnx"
    other = quantize(capsys, folder, "--calibrate", photos, "--activations", "uint8", "--images", 20)
    card = Card.read(folder / "card.toml")
    assert set(card.precisions) == {"int8", "fp16"} and card.precisions["int8"] == other["file"]
    assert card.quantization["int8"].images == 20
    assert {path.name for path in folder.iterdir()} == {"card.toml", *card.files}  # the old one is gone
    assert main(["models", "verify", str(folder)]) == 0
    assert "int8: sha256" in capsys.readouterr().out


@pytest.mark.slow
def test_another_folder_gets_the_whole_network(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = write_convolutions(tmp_path / "net"), tmp_path / "new" / "copy"
    text = (source / "card.toml").read_bytes()
    arguments = (source, "--precision", "fp16", "--compare", photos, "-o", out)
    assert quantize(capsys, *arguments)["out"] == str(out)
    assert (source / "card.toml").read_bytes() == text
    assert (out / "model.onnx").read_bytes() == (source / "model.onnx").read_bytes()
    assert load_backbone(out, precision="fp16").precision == "fp16"
    other = write_convolutions(tmp_path / "other", mean=(1.0, 2.0, 3.0))
    assert "holds another network" in fail(
        capsys, source, "--precision", "fp16", "--compare", photos, "-o", other
    )


@pytest.mark.slow
def test_what_is_interrupted_leaves_the_old_network(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The disk fills up, or a kill comes, when the card is to be written."""
    from cnncodes.store import files

    folder = write_convolutions(tmp_path / "net")
    quantize(capsys, folder, "--calibrate", photos, "--activations", "uint8")
    old = load_backbone(folder, precision="int8").sha256
    write = files.write_file

    def stop(path: Path, data: bytes, **more: Any) -> None:
        if path.name == "card.toml":
            raise KeyboardInterrupt
        write(path, data, **more)

    monkeypatch.setattr(files, "write_file", stop)
    arguments = ["--calibrate", str(photos), "--activations", "uint8", "--images", "20"]
    assert main(["models", "quantize", str(folder), *arguments]) == 130
    assert load_backbone(folder, precision="int8").sha256 == old
    assert load_backbone(folder).precision == "fp32"


def test_those_that_come_with_cnncodes_are_copied(home: Path) -> None:
    place = further_files.find_place("efficientnet-lite0", "int8", None)
    assert place.out == home / "efficientnet-lite0-int8" and place.source == SHIPPED
    assert (place.card.name, place.card.address) == ("efficientnet-lite0-int8", "efficientnet-lite0")
    assert place.card.files.keys() == {"model.onnx"}  # its int8 file is not copied: it gets another
    made = load_backbone(precision="int8")
    card = further_files.add_file(place, made, Card.read(SHIPPED / "card.toml").quantization["int8"])
    assert {path.name for path in place.out.iterdir()} == {"card.toml", "model.onnx", "int8.onnx"}
    assert Card.read(place.out / "card.toml") == card
    assert load_backbone("efficientnet-lite0-int8", precision="int8").sha256 == made.sha256


@pytest.mark.parametrize(
    ("arguments", "words", "status"),
    [
        ((), "--calibrate is missing: int8 needs images", 2),
        (("--precision", "fp16"), "--compare is missing", 2),
        (("--precision", "bf16", "--calibrate", "x"), "bf16 cannot be made", 1),
        (("--precision", "int4", "--calibrate", "x"), "must be one of int8, fp16, bf16", 2),
        (("--precision", "fp16", "--compare", "x", "--activations", "int8"), "--activations is for int8", 2),
        (("--calibrate", "nowhere"), "nowhere", 1),
        (("--calibrate", "x", "--images", "0"), "must be at least 1", 2),
    ],
)
def test_wrong_usage_is_said_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str, status: int
) -> None:
    folder = write_convolutions(tmp_path / "net")
    captured = fail(capsys, folder, *arguments, status=status)
    assert words in captured
    assert {path.name for path in folder.iterdir()} == {"card.toml", "model.onnx"}


@pytest.mark.slow
def test_embed_and_fit_take_a_precision_and_codes_remember_theirs(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_convolutions(tmp_path / "net")
    quantize(capsys, folder, "--calibrate", photos, "--activations", "uint8")
    codes, model = tmp_path / "c.codes", tmp_path / "m.cnncodes"
    common = ["--backbone", str(folder)]
    embed = ["embed", str(photos), "-o", str(codes), *common, "--json"]
    assert main([*embed, "--precision", "int8"]) == 0
    space = json.loads(capsys.readouterr().out)["space"]
    assert space["precision"] == "int8"
    assert space["backbone_sha256"] == load_backbone(folder, precision="int8").sha256
    assert main([*embed, "--precision", "fp32"]) == 1
    assert "precision: 'int8' (stored) against 'fp32' (now)" in capsys.readouterr().err
    assert main([*embed, "--precision", "fp16"]) == 1
    assert "has no fp16 file; it has fp32, int8" in capsys.readouterr().err
    assert main(["fit", str(codes), "-o", str(model), "--json"]) == 1
    assert "were made with the backbone 'conv', which is none of those at hand" in capsys.readouterr().err
    assert main(["fit", str(codes), "-o", str(model), *common, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["space"] == space
    assert main(["fit", str(photos), "-o", str(model), *common, "--precision", "int8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["space"] == space
    assert main(["predict", str(model), str(photos), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["failed"] == 0


@pytest.mark.slow
def test_an_old_processor_is_warned_of_at_most_once_and_only_where_there_is_work(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_convolutions(tmp_path / "net")
    quantize(capsys, folder, "--calibrate", photos, "--activations", "uint8")
    (tmp_path / "cpuinfo").write_text("flags\t\t: fpu avx2\n")
    monkeypatch.setattr("cnncodes.backbones.running.instructions.CPUINFO", tmp_path / "cpuinfo")
    codes = str(tmp_path / "c.codes")
    arguments = ["embed", str(photos), "--backbone", str(folder), "--precision", "int8", "-o"]
    assert main([*arguments, codes]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(lines) <= 1  # none, where it is faster all the same
    assert all("this processor has no 8-bit dot products" in line for line in lines)
    assert main([*arguments, codes]) == 0
    assert "warning" not in capsys.readouterr().err
    assert main([*arguments, str(tmp_path / "quiet.codes"), "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert np.isfinite(load_codes(tmp_path / "c.codes")).all()


def load_codes(path: Path) -> Any:
    from cnncodes import read_codes

    return read_codes(path).X


def made_result() -> dict[str, Any]:
    return {
        "name": "net", "classifier": False, "out": "net", "file": "int8.onnx", "precision": "int8",
        "activations": "uint8", "method": "calibrated", "bytes": {"int8": 1e6, "fp32": 4e6},
        "milliseconds": {"fp32": 4.0, "uint8": 2.0}, "images": 400, "calibrated": 0,
        "cosine": 0.99, "worst_cosine": 0.9,
        "reference": {"value": 0.85, "low": 0.812, "high": 0.881, "n": 400},
        "accuracy": {"value": 0.84, "low": 0.801, "high": 0.873, "n": 400},
        "change": {"value": -0.01, "low": -0.02, "high": 0.0, "n": 400}, "equal": False, "seconds": 2.0,
    }  # fmt: skip


def test_times_of_a_small_network_are_shown_such_that_they_agree_with_their_ratio() -> None:
    times = {"fp32": 0.048, "uint8": 0.03, "int8": 0.12}
    text = render_quantize({**made_result(), "milliseconds": times})
    assert "fp32 0.048 ms, uint8 0.030 ms, int8 0.12 ms on one core: 1.6 times as fast" in text
    text = render_quantize({**made_result(), "milliseconds": {"fp32": 123.4, "uint8": 0.996}})
    assert "fp32 123.4 ms, uint8 1.0 ms on one core" in text


@pytest.mark.parametrize(
    ("calibrated", "said"),
    [
        (0, "codes of 400 images: cosine"),
        (400, "codes of the 400 images that calibrated it: cosine"),
        (180, "codes of 400 images, of which 180 calibrated it: cosine"),
    ],
)
def test_codes_of_images_that_calibrated_the_file_are_said_to_be_such(calibrated: int, said: str) -> None:
    assert said in render_quantize({**made_result(), "calibrated": calibrated})


def test_each_accuracy_has_its_interval_beside_that_of_the_change() -> None:
    assert (
        "accuracy of a head 0.850 [0.812, 0.881] -> 0.840 [0.801, 0.873], change -1.00 points [-2.00, +0.00]"
        " on 400 images"
    ) in render_quantize(made_result())
