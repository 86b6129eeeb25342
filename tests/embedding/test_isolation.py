"""Images decoded in other processes: the same codes from every source, and Pillow set up alike."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageFile

from cnncodes import embed, load_backbone, read_codes
from cnncodes.backbones import Backbone
from cnncodes.cli import main
from cnncodes.embedding import engine
from cnncodes.embedding.decoding_worker import DecodingWorker
from cnncodes.embedding.engine import Engine
from cnncodes.embedding.isolation import Isolation
from cnncodes.embedding.memory import MemoryBudget
from cnncodes.errors import CostWarning, UsageError
from cnncodes.images import Decoding
from cnncodes.images.switches import Switches

PLAN = "tencrop, area-crop+brightness+lens+perspective+rotation+shearing+stretching+translation+pca:2"


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    from small_backbones import write_backbone

    return load_backbone(write_backbone(tmp_path_factory.mktemp("small"), "mean"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number, suffix in enumerate(("png", "jpg", "webp", "tiff", "gif", "bmp", "jp2", "avif", "ico")):
        pixels = rng.integers(0, 256, (90 + 7 * number, 120, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.{suffix}")
    Image.fromarray(pixels).save(folder / "upside-down.jpg", exif=_turned())
    Image.fromarray(rng.integers(0, 2**16, (80, 90), dtype=np.uint16)).save(folder / "grey.png")
    Image.fromarray(pixels).convert("RGBA").resize((900, 700)).save(folder / "large.png")
    (folder / "truncated.jpg").write_bytes((folder / "1.jpg").read_bytes()[:2000])
    (folder / "text.png").write_text("no picture")
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    return folder


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 3
    return exif


def as_folder(photos: Path, tmp_path: Path) -> Any:
    return photos


def as_bytes(photos: Path, tmp_path: Path) -> Any:
    return [path.read_bytes() for path in sorted(photos.iterdir())]


def as_parquet(photos: Path, tmp_path: Path) -> Any:
    paths = sorted(photos.iterdir())
    table = pa.table({"image": [path.read_bytes() for path in paths], "label": [path.stem for path in paths]})
    pq.write_table(table, tmp_path / "photos.parquet", row_group_size=4)
    return tmp_path / "photos.parquet"


def as_csv(photos: Path, tmp_path: Path) -> Any:
    lines = ["image,label", *(f"{path},{path.suffix}" for path in sorted(photos.iterdir())), "missing.png,x"]
    (tmp_path / "photos.csv").write_text("\n".join(lines))
    return tmp_path / "photos.csv"


def as_pixels(photos: Path, tmp_path: Path) -> Any:
    image = Image.open(photos / "1.jpg")
    return [np.asarray(image), image, Image.open(photos / "grey.png"), (photos / "2.webp").read_bytes()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "decode"),
    [(as_folder, "fast"), (as_pixels, "exact")]
    + [
        pytest.param(make, "exact", marks=pytest.mark.slow)
        for make in (as_folder, as_bytes, as_parquet, as_csv)
    ],
)
def test_isolated_or_not_codes_and_failures_are_the_same(
    make: Callable[[Path, Path], Any], decode: str, photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    kept, source = [], make(photos, tmp_path)
    for isolate in (False, True):
        out = tmp_path / f"{isolate}.codes"
        embed(
            source,
            out,
            backbone=backbone,
            views=PLAN,
            decode=decode,
            isolate=isolate,
            n_jobs=2,
            max_pixels=600_000,
        )
        codes = read_codes(out)
        kept.append((codes.to_arrow(), codes.failures, codes.manifest.views))
    assert kept[0] == kept[1]


@pytest.mark.parametrize(
    ("make", "views", "max_memory"),
    [
        (as_folder, "center", None),
        (as_bytes, "flip", "400M"),
        (as_csv, PLAN, None),
        (as_folder, PLAN, "400M"),
    ],
)
def test_many_lanes_decode_in_processes_by_themselves_and_codes_are_the_same(
    make: Callable[[Path, Path], Any], views: str, max_memory: str | None, photos: Path, tmp_path: Path,
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    source, given = make(photos, tmp_path), {"views": views, "max_pixels": 600_000, "max_memory": max_memory}
    embed(source, tmp_path / "one.codes", backbone=backbone, n_jobs=1, **given)
    monkeypatch.setattr(engine, "_THREADS", 1)
    monkeypatch.setattr(engine, "_WORTH", 10)
    started = watch_processes(monkeypatch)
    embed(source, tmp_path / "two.codes", backbone=backbone, n_jobs=2, **given)
    assert started
    one, two = (read_codes(tmp_path / f"{name}.codes") for name in ("one", "two"))
    assert one.to_arrow() == two.to_arrow() and one.failures == two.failures


@pytest.fixture
def many_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have two lanes and some images count as many."""
    monkeypatch.setattr(engine, "_THREADS", 1)
    monkeypatch.setattr(engine, "_WORTH", 2)


@pytest.mark.slow
@pytest.mark.usefixtures("many_lanes")
@pytest.mark.parametrize(("views", "max_memory"), [("center", None), ("center", "1M"), ("multicrop", None)])
def test_large_images_tight_memory_and_many_views_are_no_failures_in_groups(
    views: str, max_memory: str | None, photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    large = tmp_path / "large.jpg"
    Image.open(photos / "1.jpg").resize((3000, 2000)).save(large, quality=50)
    (tmp_path / "empty.jpg").write_bytes(b"")
    source = [photos / "1.jpg", large, photos / "2.webp", tmp_path / "empty.jpg", photos / "0.png"]
    given = {"backbone": backbone, "views": views, "max_memory": max_memory}
    embed(source, tmp_path / "one.codes", n_jobs=1, **given)
    summary = embed(source, tmp_path / "two.codes", n_jobs=2, **given)
    assert (summary.embedded, summary.failed) == (4, 1)
    one, two = (read_codes(tmp_path / f"{name}.codes") for name in ("one", "two"))
    assert one.to_arrow() == two.to_arrow() and one.failures == two.failures


@pytest.mark.slow
@pytest.mark.usefixtures("many_lanes")
def test_what_is_known_by_its_content_is_not_decoded_in_groups(
    photos: Path, tmp_path: Path, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(40):  # enough for groups
        Image.new("RGB", (30, 30), (number // 2, 0, 0)).save(tmp_path / "photos" / f"{number}.png")
    answers, ask_all = [], DecodingWorker.ask_all

    def watch(worker: DecodingWorker, *args: Any) -> Any:
        found = ask_all(worker, *args)
        answers.extend(found)
        return found

    monkeypatch.setattr(DecodingWorker, "ask_all", watch)
    source, out = tmp_path / "photos", tmp_path / "x.codes"
    assert embed(source, out, backbone=backbone, n_jobs=2).copies == 20
    assert len(answers) == 40 and sum(map(bool, answers)) == 20
    again = embed(source, out, backbone=backbone, n_jobs=2, check="content")
    assert again.unchanged == 40 and len(answers) == 80 and sum(map(bool, answers)) == 20


def test_modules_in_the_working_folder_are_not_run(
    photos: Path, tmp_path: Path, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("signal", "json", "numpy"):
        (tmp_path / f"{name}.py").write_text("open('it-ran', 'w'); raise SystemExit(9)")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(tmp_path))])
    summary = embed([photos / "1.jpg"], tmp_path / "x.codes", backbone=backbone, isolate=True, n_jobs=1)
    assert summary.embedded == 1 and not (tmp_path / "it-ran").exists()


def watch_processes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list of the commands that are started from now on."""
    started, popen = [], subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda *args, **given: started.append(args) or popen(*args, **given)
    )
    return started


@pytest.mark.parametrize(("count", "lanes"), [(3999, 16), (10**6, 4)])
def test_few_images_or_lanes_are_decoded_in_threads(count: int, lanes: int, backbone: Backbone) -> None:
    made = Engine.make(backbone, None, lanes)
    assert made.for_images(count, Decoding()) is made


def test_what_cannot_be_decoded_in_processes_is_decoded_in_threads(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Engine.make(backbone, None, 16)
    assert made.for_images(4000, Decoding("nvimgcodec-cpu")) is made
    chosen = made.for_images(4000, Decoding())
    assert chosen.isolation is not None and chosen.limits(Decoding()) == made.limits(Decoding())
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.warns(CostWarning, match="in threads, .* gain little: processes that decode need Python"):
        assert made.for_images(4000, Decoding()) is made


def test_a_tight_budget_and_several_sessions_change_nothing(
    photos: Path, tmp_path: Path, backbone: Backbone
) -> None:
    twins = [backbone, Backbone(backbone.model_bytes(), backbone.card)]
    embed(photos, tmp_path / "one.codes", backbone=backbone, views="flip")
    embed(photos, tmp_path / "two.codes", backbone=twins, isolate=True, max_memory="2M", views="flip")
    one, two = (read_codes(tmp_path / f"{name}.codes") for name in ("one", "two"))
    assert one.to_arrow() == two.to_arrow() and one.failures == two.failures


def test_a_budget_beyond_all_memory_is_none(photos: Path, tmp_path: Path, backbone: Backbone) -> None:
    summary = embed(
        [photos / "1.jpg"],
        tmp_path / "x.codes",
        backbone=backbone,
        isolate=True,
        n_jobs=1,
        max_memory="99999999T",
    )
    assert summary.embedded == 1


@pytest.mark.slow
def test_a_webp_whose_canvas_is_larger_than_the_limit_is_decoded_alone(tmp_path: Path) -> None:
    """Its decoder has the canvas as the file is opened, before Pillow knows its size."""
    (tmp_path / "in").mkdir()
    Image.new("RGB", (9000, 9000), "red").save(tmp_path / "in" / "a.webp", lossless=True)
    summary = embed(tmp_path / "in", tmp_path / "x.codes", isolate=True, max_memory="1M", n_jobs=1)
    assert (summary.embedded, summary.failures) == (1, ())


def test_lanes_wait_for_memory_in_the_place_of_processes(photos: Path) -> None:
    from cnncodes.embedding.cutting import ColorMeter

    asked = []
    data = (photos / "1.jpg").read_bytes()
    with (
        MemoryBudget(2**20).lease() as lease,
        Isolation(60, 2**20).start(ColorMeter(Decoding())) as workers,
    ):

        def ask(size: int) -> bool:
            asked.append(size)
            return lease.decode(size)

        workers.work(data, "", ask)
    assert asked[0] == len(data) + 2**20 // 256  # what it may take without asking
    assert len(asked) == 2 and 2**20 + 90 * 120 * 3 + len(data) <= asked[1] < 2**21


def test_what_takes_little_is_not_asked_for(photos: Path) -> None:
    from cnncodes.embedding.cutting import ColorMeter

    asked: list[int] = []
    data = (photos / "1.jpg").read_bytes()
    with Isolation(60, 2**32).start(ColorMeter(Decoding())) as workers:
        workers.work(data, "", lambda size: bool(asked.append(size)))
    assert asked == [len(data) + 2**24]


def test_pillow_is_set_up_alike(
    photos: Path, tmp_path: Path, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    truncated = [photos / "truncated.jpg"]
    embed(truncated, tmp_path / "one.codes", backbone=backbone)
    summary = embed(truncated, tmp_path / "two.codes", backbone=backbone, isolate=True, n_jobs=1)
    assert summary.embedded == 1
    one, two = (read_codes(tmp_path / f"{name}.codes") for name in ("one", "two"))
    np.testing.assert_array_equal(one.X, two.X)


def test_a_plugin_that_no_process_can_import_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "ID", [*Image.ID])
    monkeypatch.setattr(Image, "OPEN", {**Image.OPEN})
    Image.register_open("JXL", lambda file, name: None, lambda prefix: False)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="plugin for JXL is defined where another process cannot import it"):
        Switches.read()


@pytest.mark.parametrize("seconds", [0, -1, True, "long", float("inf")])
def test_a_time_that_is_none_is_refused(seconds: Any, backbone: Backbone, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="decode_seconds must be a number above 0"):
        embed([b""], tmp_path / "x.codes", backbone=backbone, decode_seconds=seconds)


@pytest.mark.parametrize(
    ("given", "words"),
    [({"decode_seconds": 60}, "needs isolate=True"), ({"isolate": "no"}, "must be True or False. Got 'no'")],
)
def test_what_would_be_ignored_or_misread_is_refused(
    given: dict[str, Any], words: str, backbone: Backbone, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        embed([b""], tmp_path / "x.codes", backbone=backbone, **given)


def test_the_command_line_isolates_and_refuses_a_time_that_is_none(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["embed", str(photos / "1.jpg"), "-o", str(tmp_path / "x.codes"), "--isolate", "-j", "1"]
    for wrong in ("0.0", "inf"):
        assert main([*command, "--decode-seconds", wrong]) == 2
        told = capsys.readouterr().err
        assert f"--decode-seconds is wrong: must be above 0 and below 2147483648. Got {wrong}." in told
    assert main([*command, "--decode-seconds", "30.5"]) == 0
    assert "1 of 1 images embedded" in capsys.readouterr().out


def test_what_decodes_imports_little() -> None:
    code = (
        "import sys, cnncodes.backbones.card\nfrom cnncodes.embedding import cutting, decoding_process\n"
        "from cnncodes.images.switches import Switches; Switches.read().set(); print(*sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "PIL.Image" in printed.split()
    assert not {"pyarrow", "onnxruntime", "sklearn", "scipy", "pandas"} & set(printed.split())
