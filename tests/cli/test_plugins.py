"""Plugins of Pillow that are installed: what commands read by them, and say of one that does not work."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from cnncodes import embed
from cnncodes.cli import main
from cnncodes.errors import ResultWarning
from cnncodes.images.plugins import PLUGINS, register, register_installed
from cnncodes.store import read_codes

MAGIC = b"\0\0\0\x18ftypheic"

#: Stands for pillow-heif: a picture is PNG behind the first bytes of HEIC.
STAND_IN = """
import io
from PIL import Image, ImageFile

class StandIn(ImageFile.ImageFile):
    format = "HEIF"

    def _open(self):
        inner = Image.open(io.BytesIO(self.fp.read()[12:]), formats=["PNG"]).convert("RGB")
        self._size, self._mode, self._pixels = inner.size, "RGB", inner

    def load(self):
        self.im = self._pixels.im
        return Image.Image.load(self)

def accept(prefix):
    return prefix[4:12] == b"ftypheic"

def register_heif_opener():
    Image.register_open("HEIF", StandIn, accept)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of modules, where no plugin is installed or registered yet, and none is left behind."""
    Image.init()
    names = {plugin.module for plugin in PLUGINS.values()}
    monkeypatch.setattr("cnncodes.images.plugins.BROKEN", {})
    monkeypatch.setattr(Image, "OPEN", {name: one for name, one in Image.OPEN.items() if name not in PLUGINS})
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name not in PLUGINS])
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)  # also where the real one is installed
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    yield site
    for name in names:
        sys.modules.pop(name, None)


def install(site: Path, code: str, module: str = "pillow_heif") -> None:
    (site / f"{module}.py").write_text(code)
    sys.modules.pop(module, None)


def draw(path: Path, color: tuple[int, int, int]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    held = io.BytesIO()
    Image.new("RGB", (40, 30), color).save(held, "PNG")
    path.write_bytes((MAGIC if path.suffix == ".heic" else b"") + held.getvalue())
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for i in range(12):
        draw(tmp_path / "photos" / "a" / f"{i:02}.{'heic' if i % 2 else 'png'}", (200, 9 * i, 0))
        draw(tmp_path / "photos" / "b" / f"{i:02}.png", (20, 9 * i, 0))
    return tmp_path / "photos"


def test_nothing_is_registered_where_nothing_is_installed(site: Path) -> None:
    register_installed()
    assert not {"HEIF", "JXL"} & set(Image.OPEN)


def test_what_is_installed_is_registered_and_what_is_registered_is_left(site: Path) -> None:
    install(site, STAND_IN)
    register_installed()
    factory, _ = Image.OPEN["HEIF"]
    assert factory.__module__ == "pillow_heif"  # type: ignore[union-attr]
    Image.register_open("HEIF", lambda file, name: None, lambda prefix: False)  # type: ignore[arg-type]
    ours = Image.OPEN["HEIF"]
    register_installed()
    assert Image.OPEN["HEIF"] is ours


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise OSError('libheif.so.1: cannot\\nopen')", r"\(OSError: libheif.so.1: cannot open\)"),
        ("", r"\(AttributeError: .*register_heif_opener"),
        ("def register_heif_opener(): pass", r"\(it registers no format HEIF\)"),
    ],
)
def test_one_that_does_not_work_is_warned_of_and_left_out(site: Path, code: str, words: str) -> None:
    install(site, code)
    with pytest.warns(UserWarning, match=r"pillow-heif is installed and does not work " + words) as caught:
        register_installed()
    assert len(caught) == 1 and "HEIF" not in Image.OPEN


def test_a_plugin_whose_import_registers_it_is_imported(site: Path) -> None:
    install(site, "from PIL import Image\nImage.register_open('JXL', None, None)", "pillow_jxl")
    assert register("JXL") == "" and "JXL" in Image.OPEN


def test_commands_read_what_an_installed_plugin_reads(
    site: Path, photos: Path, tmp_path: Path, small_network: str, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, STAND_IN)
    model, codes, network = (
        str(tmp_path / "m.cnncodes"),
        str(tmp_path / "x.codes"),
        ["--backbone", small_network],
    )
    assert main(["embed", str(photos), "-o", codes, *network, "--isolate", "-j", "1"]) == 0
    assert "24 of 24 images embedded" in capsys.readouterr().out
    assert main(["embed", str(photos), "-o", codes, *network]) == 0
    assert "0 of 24 images embedded, 24 already there" in capsys.readouterr().out
    assert main(["fit", str(photos), "-o", model, *network]) == 0
    assert main(["evaluate", model, str(photos)]) == 0
    assert main(["check", str(photos)]) == 0
    capsys.readouterr()
    for src in (photos, photos / "a" / "01.heic"):
        assert main(["predict", model, str(src), "-o", str(tmp_path / "p.csv")]) == 0
        with open(tmp_path / "p.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        assert all(row["reason"] == "" for row in rows) and len(rows) == (24 if src == photos else 1)
    sheet = ["views", "show", str(photos / "a" / "01.heic"), "-o", str(tmp_path / "sheet.png")]
    assert main([*sheet, "--backbone", small_network]) == 0
    assert "passed over" not in capsys.readouterr().err
    assert len(read_codes(codes).X) == 24


def test_commands_go_on_without_one_that_does_not_work_and_say_so_once(
    site: Path, photos: Path, tmp_path: Path, small_network: str, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, "raise ImportError('of another Python')")
    assert main(["fit", str(photos), "-o", str(tmp_path / "m.cnncodes"), "--backbone", small_network]) == 0
    told = capsys.readouterr().err
    assert told.count("pillow-heif is installed and does not work (ImportError: of another Python)") == 1
    assert told.count("6 files are passed over") == 1


def test_in_python_nothing_is_registered(
    site: Path, photos: Path, tmp_path: Path, small_network: str
) -> None:
    install(site, STAND_IN)
    with pytest.warns(
        ResultWarning, match=r"6 files are passed over.*`pillow_heif.register_heif_opener\(\)`"
    ):
        assert embed(photos, tmp_path / "x.codes", backbone=small_network).embedded == 18
    assert "HEIF" not in Image.OPEN


def test_an_image_that_takes_a_plugin_says_which(
    site: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["embed", str(photos / "a" / "01.heic"), "-o", "never.codes"]) == 1
    told = capsys.readouterr().err
    assert (
        ".heic' cannot be read: .heic is read once pillow-heif is installed (pip install pillow-heif)" in told
    )


def test_predictions_have_a_row_with_the_reason_for_what_takes_a_plugin(
    site: Path, tmp_path: Path, small_network: str, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, model, out = tmp_path / "photos", str(tmp_path / "m.cnncodes"), tmp_path / "p.csv"
    for part in ("train", "test"):
        for i in range(10):
            for name in ("a", "b"):
                draw(photos / part / name / f"{i}.png", (200 if name == "a" else 20, 9 * i, 0))
        draw(photos / part / "a" / "5-more.heic", (200, 0, 0))
    assert main(["fit", str(photos), "-o", model, "--backbone", small_network]) == 0
    reason = ".heic is read once pillow-heif is installed (pip install pillow-heif)"
    for split, n in (("test", 21), ("all", 42)):
        command = ["predict", model, str(photos), "-o", str(out), "--split", split]
        capsys.readouterr()
        assert main(command) == 3  # more than the hundredth that --max-failures allows
        told = capsys.readouterr()
        assert (
            f"{n // 21} of {n} images could not be used: 'test/a/5-more.heic' (.heic is read once pillow-heif"
            in told.err
        )
        with open(out, newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["image"] for row in rows] == sorted(row["image"] for row in rows) and len(rows) == n
        for row in rows:
            lacks = row["image"].endswith(".heic")
            assert (row["prediction"] == "") == lacks and row["reason"] == (reason if lacks else "")
        assert main([*command, "--max-failures", "2"]) == 0
    install(site, STAND_IN)
    assert main(command) == 0


def test_one_that_does_not_work_is_the_reason_of_rows_and_nothing_advises_to_install_it(
    site: Path, photos: Path, tmp_path: Path, small_network: str, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, "raise ImportError('of another Python')")
    draw(photos / "a" / "x.heic", (200, 0, 0)).rename(photos / "a" / "x.jpg")
    model, out = str(tmp_path / "m.cnncodes"), tmp_path / "p.csv"
    network = ["--backbone", small_network, "--max-failures", "1"]
    assert main(["fit", str(photos), "-o", model, *network]) == 0
    assert main(["predict", model, str(photos), "-o", str(out)]) == 3
    said = "is not read, since pillow-heif does not work: ImportError: of another Python"
    with open(out, newline="") as file:
        reasons = {row["image"]: row["reason"] for row in csv.DictReader(file) if row["reason"]}
    assert len(reasons) == 7 and all(reason.endswith(said) for reason in reasons.values())
    assert reasons["a/x.jpg"] == f"it begins as HEIF, which {said}"
    told = capsys.readouterr().err
    assert "(pip install pillow-heif)" not in told and "Python program" not in told


def test_a_row_for_each_file_that_takes_a_plugin_is_enough_said_of_it(
    site: Path, photos: Path, tmp_path: Path, small_network: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = str(tmp_path / "m.cnncodes"), str(tmp_path / "p.csv")
    (photos / "a" / "more.pdf").write_bytes(b"-")
    assert main(["fit", str(photos), "-o", model, "--backbone", small_network]) == 0
    assert "7 files are passed over" in capsys.readouterr().err
    assert main(["predict", model, str(photos), "-o", out]) == 3
    told = capsys.readouterr().err
    assert "1 file is passed over" in told and ".pdf (1)\n" in told
    assert told.count("6 of 24 images could not be used") == 1


def test_where_rows_are_of_one_part_files_of_others_are_passed_over(
    site: Path, photos: Path, tmp_path: Path, small_network: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("train", "test"):
        (tmp_path / "parts" / part).mkdir(parents=True)
    (photos / "a").rename(tmp_path / "parts" / "train" / "a")
    (photos / "b").rename(tmp_path / "parts" / "train" / "b")
    for name in ("a", "b"):
        draw(tmp_path / "parts" / "test" / name / "0.png", (200, 0, 0))
    model, out = str(tmp_path / "m.cnncodes"), str(tmp_path / "p.csv")
    assert main(["fit", str(tmp_path / "parts"), "-o", model, "--backbone", small_network]) == 0
    capsys.readouterr()
    assert main(["predict", model, str(tmp_path / "parts"), "-o", out, "--split", "test"]) == 0
    assert "6 files are passed over" in capsys.readouterr().err
