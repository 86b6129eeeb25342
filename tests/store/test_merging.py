"""Several datasets into one: every row once, and nothing that does not belong together."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import PLAN, SPACE, VIEWS, fail, make, open_writer, rows_of, write

from cnncodes.errors import ResultWarning, SpaceMismatch, StoreError, UsageError
from cnncodes.store import CodesWriter, ImageCodes, Manifest, Space, StoredViews, read_codes
from cnncodes.store.merging import merge_codes
from cnncodes.store.selecting import select_codes
from cnncodes.store.verifying import find_problems

KEYS = "abcdefgh"


@pytest.mark.slow
@settings(max_examples=8)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(KEYS), st.booleans(), max_size=len(KEYS)), min_size=2, max_size=3
    ),
    st.integers(2, 3),
)
def test_a_merge_is_what_one_job_over_all_images_writes(
    parts: list[dict[str, bool]], shard_images: int
) -> None:
    with tempfile.TemporaryDirectory() as root:
        folders = [Path(root) / str(number) for number in range(len(parts))]
        for folder, part in zip(folders, parts, strict=True):
            results = [make(key) if works else fail(key) for key, works in part.items()]
            write(folder, results, shard_images=shard_images)
        before = {file: file.read_bytes() for folder in folders for file in folder.rglob("*.*")
                  if file.is_file()}  # fmt: skip
        merged = merge_codes(folders, Path(root) / "out")
        works = {key for part in parts for key, good in part.items() if good}
        fails = {key for part in parts for key in part} - works
        write(Path(root) / "one", [*(make(key) for key in works), *(fail(key) for key in fails)])
        assert rows_of(Path(root) / "out") == rows_of(Path(root) / "one")
        assert find_problems(Path(root) / "out") == []
        assert merged.manifest == read_codes(Path(root) / "out").manifest and merged.manifest.complete
        assert (merged.failures, merged.incomplete) == (len(fails), ())
        holders = [sum(part.get(key, False) for part in parts) for key in KEYS]
        assert merged.shared == sum(count > 1 for count in holders)
        assert {file: file.read_bytes() for file in before} == before


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    write(tmp_path / "one", [make("a"), make("b"), fail("f")], shard_images=1)
    write(tmp_path / "two", [make("c"), make("d"), fail("a")], shard_images=1)
    return [tmp_path / "one", tmp_path / "two"]


def test_small_shards_become_one(pair: list[Path], tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    merged = merge_codes(pair, tmp_path / "out", on_progress=lambda done, total: seen.append((done, total)))
    assert [(shard.rows, shard.images) for shard in merged.manifest.shards] == [(8, 4)]
    assert seen == [(2, 8), (4, 8), (6, 8), (8, 8)]
    assert [row["image"] for row in rows_of(tmp_path / "out")[1]] == ["f"]


def test_a_job_goes_on_with_what_was_merged(pair: list[Path], tmp_path: Path) -> None:
    merge_codes(pair, tmp_path / "out")
    with open_writer(tmp_path / "out") as writer:
        assert set(writer.known) == set("abcd") and set(writer.failed) == {"f"}
        writer.add(make("f"))
    assert read_codes(tmp_path / "out").images.tolist() == [key for key in "abcdf" for _ in range(2)]


def other_space(**changes: Any) -> tuple[Space, StoredViews, str, dict[str, int]]:
    return replace(SPACE, **changes), VIEWS, "float16", {}


DIFFERENT: dict[str, tuple[Space, StoredViews, str, dict[str, int]]] = {
    r"decoding: 'exact' \({0}\) against 'fast' \({1}\)": other_space(decoding="fast"),
    r"backbone_sha256: '0+' \({0}\) against '1+' \({1}\)": other_space(backbone_sha256="11" * 32),
    r"plan\.flip: True \({0}\) against False": (
        SPACE,
        StoredViews({**PLAN, "flip": False}),
        "float16",
        {},
    ),
    r"reduce: 'none' \({0}\) against 'mean'": (SPACE, StoredViews(PLAN, reduce="mean"), "float16", {}),
    r"dtype: 'float16' \({0}\) against 'float32'": (SPACE, VIEWS, "float32", {}),
    r"layers\.code: 6 \({0}\) against nothing": (SPACE, VIEWS, "float16", {"low": 6}),
}


@pytest.mark.parametrize("expected", DIFFERENT)
def test_other_codes_are_refused_by_the_field_that_differs(
    pair: list[Path], tmp_path: Path, expected: str
) -> None:
    space, views, dtype, layers = DIFFERENT[expected]
    with CodesWriter.open(tmp_path / "three", space, views, dtype=dtype, layers=layers) as writer:
        writer.add(make("e"))
    with pytest.raises(SpaceMismatch, match="one holds other codes than .*three: ") as caught:
        merge_codes([*pair, tmp_path / "three"], tmp_path / "out")
    assert re.search(expected.format(pair[0], tmp_path / "three"), str(caught.value))
    if not layers:  # the writer says the same
        with pytest.raises(SpaceMismatch, match=f"holds other codes: .*{expected.format('stored', 'now')}"):
            CodesWriter.open(pair[0], space, views, dtype=dtype)
    assert not (tmp_path / "out").exists()


def test_plans_whose_principal_colors_differ_are_told_how_to_share_them(
    pair: list[Path], tmp_path: Path
) -> None:
    views = StoredViews({**PLAN, "principal_colors": {"components": [[1.0, 0.0, 0.0]], "n_images": 3}})
    with CodesWriter.open(tmp_path / "three", SPACE, views) as writer:
        writer.add(make("e"))
    with pytest.raises(SpaceMismatch, match=r"against those of 3 images .*--views plan\.toml in each"):
        merge_codes([pair[0], tmp_path / "three"], tmp_path / "out")


CHANGES: dict[str, Callable[[ImageCodes], ImageCodes]] = {
    r"content differs \('[0-9a-f]{32}' against '0{32}'\)": lambda image: replace(image, content="0" * 32),
    r"label differs \('cat' against 'dog'\)": lambda image: replace(image, label="dog"),
    r"label differs \('cat' against None\)": lambda image: replace(image, label=None),
    r"split differs \('train' against 'test'\)": lambda image: replace(image, split="test"),
    r"group differs \(None against 'anna'\)": lambda image: replace(image, group="anna"),
    "width differs": lambda image: replace(image, width=13),
    "code differs": lambda image: replace(image, codes=image.codes + np.float32(1)),
    r"number of views differs \(2 against 1\)": lambda image: replace(
        image, views=image.views[:1], codes=image.codes[:1]
    ),
}


@pytest.mark.parametrize("expected", CHANGES)
def test_an_image_that_is_another_one_elsewhere_is_refused_by_name(
    pair: list[Path], tmp_path: Path, expected: str
) -> None:
    write(tmp_path / "three", [make("e"), CHANGES[expected](make("a"))], shard_images=1)
    with pytest.raises(StoreError, match=f"the image 'a' is in .*one and in .*three, and its {expected}"):
        merge_codes([*pair, tmp_path / "three"], tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "three", "two"]


def test_a_copy_with_another_time_is_the_same_image(pair: list[Path], tmp_path: Path) -> None:
    write(tmp_path / "three", [replace(make("a"), mtime_ns=77), make("e")])
    assert merge_codes([*pair, tmp_path / "three"], tmp_path / "out").shared == 1
    rows = {row["image"]: row["mtime"] for row in rows_of(tmp_path / "out")[0]}
    assert rows == dict.fromkeys("abcde", 5)  # the first dataset's


def test_where_a_job_did_not_finish_the_merge_does_not_count_as_complete(
    pair: list[Path], tmp_path: Path
) -> None:
    replace(Manifest.read(pair[1]), complete=False).write(pair[1])
    merged = merge_codes(pair, tmp_path / "out")
    assert merged.incomplete == (pair[1],) and not read_codes(tmp_path / "out").complete


def test_datasets_without_images_can_be_merged(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, [fail("f")])
    assert merge_codes([tmp_path / "one", tmp_path / "two"], tmp_path / "out").failures == 1
    assert len(read_codes(tmp_path / "out")) == 0 and find_problems(tmp_path / "out") == []


def test_damage_is_named_and_nothing_is_written(pair: list[Path], tmp_path: Path) -> None:
    file = pair[1] / "data" / "part-00001.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    file.write_bytes(data)
    with pytest.raises(StoreError, match=r"two/data/part-00001\.parquet is damaged"):
        merge_codes(pair, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_a_lost_list_of_failures_is_named(pair: list[Path], tmp_path: Path) -> None:
    (pair[1] / "failures.parquet").unlink()
    lost = r"two/failures\.parquet is missing.*{} lists only what is still"
    with pytest.warns(ResultWarning, match=lost.format("out")):
        merge_codes(pair, tmp_path / "out")
    with pytest.warns(ResultWarning, match=lost.format("part")):
        select_codes(pair[1], tmp_path / "part", images=["c"])
    assert rows_of(tmp_path / "out")[0] == rows_of(pair[0])[0] + rows_of(pair[1])[0]


def test_wrong_arguments_say_what_is_wrong(pair: list[Path], tmp_path: Path) -> None:
    one, two = pair
    with pytest.raises(UsageError, match="two datasets or more. Got one"):
        merge_codes([one], tmp_path / "out")
    with pytest.raises(UsageError, match="is the same dataset as .*one. Give each once"):
        merge_codes([one, two, tmp_path / "two" / ".." / "one"], tmp_path / "out")
    for out in pair:
        with pytest.raises(UsageError, match="which is read. Give another name with -o"):
            merge_codes(pair, out)
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(StoreError, match="mine exists already, and nothing is replaced"):
        merge_codes(pair, tmp_path / "mine")
    with pytest.raises(StoreError, match="none does not exist"):
        merge_codes([one, tmp_path / "none"], tmp_path / "out")
    assert (tmp_path / "mine").read_text() == "mine"


def test_images_whose_codes_are_kept_stay_marked(tmp_path: Path) -> None:
    write(tmp_path / "one", [make("a"), make("b")])
    with open_writer(tmp_path / "one") as writer:
        writer.keep_codes([fail("a")])
    write(tmp_path / "two", [make("c"), fail("a"), fail("d")])
    for order in ("one", "two"), ("two", "one"):
        merged = merge_codes([tmp_path / name for name in order], tmp_path / "".join(order))
        found = {row["image"]: row["codes_kept"] for row in rows_of(tmp_path / "".join(order))[1]}
        assert merged.failures == 1 and found == {"a": True, "d": False}
        assert merged.manifest.codes_kept == 1
    (tmp_path / "one" / "failures.parquet").unlink()
    with pytest.warns(ResultWarning, match="is missing"):
        merged = merge_codes([tmp_path / "one", tmp_path / "two"], tmp_path / "lost")
    assert merged.manifest.codes_kept == 1  # of "a" or "b", of which nobody knows now
