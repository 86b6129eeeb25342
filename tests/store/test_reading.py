"""Reading: arrays, selection, and damage named by file."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as ds
import pytest
from samples import PLAN, SPACE, content_of, fail, make, open_writer, rows_of, write

from cnncodes.errors import DamagedManifest, SourceError, StoreError, UsageError
from cnncodes.store import Codes, CodesWriter, StoredViews, open_codes, read_codes, verify_codes
from cnncodes.store.repairing import repair_codes
from cnncodes.store.summary import summarize_codes
from cnncodes.store.verifying import examine_codes, find_problems

needs_rights = pytest.mark.usefixtures("_obeys_rights")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    images = [make("b", label=None, split=None), make("d", split="test"), make("a", label="dog"), fail("f")]
    write(tmp_path / "x.codes", [*images, make("c")], shard_images=2)
    return tmp_path / "x.codes"


@pytest.fixture
def codes(path: Path) -> Codes:
    return read_codes(path)


def test_rows_are_sorted_by_image_and_view(codes: Codes) -> None:
    assert codes.images.tolist() == ["a", "a", "b", "b", "c", "c", "d", "d"]
    assert codes.views.tolist() == [0, 1] * 4
    assert codes.y.tolist() == ["dog", "dog", None, None, "cat", "cat", "cat", "cat"]
    assert codes.groups.tolist() == [content_of(key) for key in codes.images]
    assert codes.X.dtype == np.float32
    expected = np.concatenate([make(key).codes for key in "abcd"]).astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(codes.X, expected)
    assert (codes.space, codes.plan, codes.complete) == (SPACE, PLAN, True)
    [failure] = codes.failures.to_pylist()
    assert failure == {
        "image": "f", "stage": "decode", "reason": "broken", "size": 10, "mtime": 5,
        "limited_by": "max_pixels", "limited_to": 100.0, "codes_kept": False,
    }  # fmt: skip


def test_select(codes: Codes) -> None:
    assert codes.select(split="test").images.tolist() == ["d", "d"]
    assert set(codes.select(split=["train", "test"]).images) == {"a", "c", "d"}
    assert set(codes.select(labelled=False).images) == {"b"}
    assert set(codes.select(labelled=True).images) == {"a", "c", "d"}
    for views in ("v1", 1, ["v1"], [1], ["v1", 1]):
        chosen = codes.select(views=views)
        assert chosen.views.tolist() == [1] * 4
        np.testing.assert_array_equal(chosen.X, codes.X[1::2])
    both = codes.select(split="train", views=0, labelled=True)
    assert both.to_arrow().column("image").to_pylist() == ["a", "c"]
    assert both.y.tolist() == ["dog", "cat"]


def test_selecting_what_is_not_there_says_what_is(codes: Codes) -> None:
    with pytest.raises(SourceError, match="no split 'tset'.*'test'"):
        codes.select(split="tset")
    with pytest.raises(UsageError, match="no view 'v9'.*v0, v1"):
        codes.select(views="v9")
    with pytest.raises(UsageError, match="no view 9"):
        codes.select(views=9)


@pytest.mark.parametrize("read", [read_codes, open_codes])
def test_what_cannot_be_selected_is_told_in_our_words(path: Path, read: Any) -> None:
    codes = read(path)
    for given, told in (
        ({"layers": []}, "layers is empty"),
        ({"split": []}, "split is empty: it must be a name, or several"),
        ({"views": ()}, "views is empty: it must be a name or number"),
        ({"layers": 3}, "layers must be a name, or several. Got 3"),
        ({"split": 3}, "split must be a name, or several. Got 3"),
        ({"split": b"train"}, "split must be a name"),
        ({"views": 1.5}, "views must be a name or number, or several, or a ViewPlan. Got 1.5"),
        ({"views": True}, "views must be .* Got True"),
        ({"views": [True]}, "views must be .* Got True"),
        ({"labelled": "x"}, "labelled must be True or False. Got 'x'"),
    ):
        with pytest.raises(UsageError, match=told):
            codes.select(**given)
    assert len(codes.select(views=np.int64(1), labelled=np.bool_(True), split=["train"])) == 2
    assert len(codes.select(views=np.array([0, 1]))) == 8  # type: ignore[arg-type]


@pytest.mark.parametrize("read", [read_codes, open_codes])
def test_a_session_shows_codes_in_a_line(path: Path, read: Any) -> None:
    codes = read(path)
    assert repr(codes) == f"<{type(codes).__name__} of {str(path)!r}: 8 rows of 4 images, 6 numbers a row>"
    assert "2 rows of 1 image, 6" in repr(codes.select(split="test"))


def test_blocks_have_a_number_of_bytes(path: Path) -> None:
    for wrong in ("a", 0, -1, 2.5, True):
        with pytest.raises(UsageError, match="nbytes must be a whole number above 0"):
            next(open_codes(path).blocks(wrong))
    assert [start for start, _ in open_codes(path).blocks(1)] == list(range(8))
    for large in (np.int64(9_999), 10**30):
        assert [start for start, _ in open_codes(path).blocks(large)] == [0]


def test_bytes_are_no_path_of_codes() -> None:
    for use in (read_codes, open_codes, verify_codes, find_problems):
        with pytest.raises(UsageError, match="the path of the codes must be a path. Got bytes"):
            use(b"x.codes")  # type: ignore[arg-type]


def test_to_arrow_is_what_is_on_disk(path: Path, codes: Codes) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    disk = pa.concat_tables(pq.read_table(file) for file in sorted((path / "data").iterdir())).sort_by(
        "image"
    )
    assert codes.to_arrow().equals(disk.select(codes.to_arrow().column_names))


def test_what_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        read_codes(tmp_path / "none")
    with pytest.raises(StoreError, match="no codes dataset"):
        read_codes(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="file is a file"):
        read_codes(tmp_path / "file" / "below")


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"format": 1, "space": {}}', "\udcff"])
def test_a_damaged_manifest(path: Path, content: str) -> None:
    (path / "manifest.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(StoreError, match="manifest.json"):
        read_codes(path)


def name_twice(values: dict[str, Any]) -> None:
    values["shards"].append(values["shards"][0])


def complete_by_a_word(values: dict[str, Any]) -> None:
    values["complete"] = "no"


def lose_plan(values: dict[str, Any]) -> None:
    values["plan"] = None


def count_by_text(values: dict[str, Any]) -> None:
    values["shards"][0]["bytes"] = "5"


def hash_by_number(values: dict[str, Any]) -> None:
    values["shards"][0]["sha256"] = 5


def lose_shards(values: dict[str, Any]) -> None:
    values["shards"] = []


def lose_first(values: dict[str, Any]) -> None:
    del values["shards"][0]


def lose_hash(values: dict[str, Any]) -> None:
    del values["shards"][0]["sha256"]


def add_key(values: dict[str, Any]) -> None:
    values["shards"][0]["more"] = 1


def shards_by_name(values: dict[str, Any]) -> None:
    values["shards"] = ["part-00000.parquet"]


def count_shards(values: dict[str, Any]) -> None:
    values["shards"] = 3


def lose_dtype(values: dict[str, Any]) -> None:
    del values["dtype"]


def number_parameters(values: dict[str, Any]) -> None:
    values["parameters"] = 3


MANIFEST_FAULTS = (
    (lose_shards, "it is that of a finished job and does not name part-00000.parquet, which lies in data/."),
    (lose_first, "it is that of a finished job and does not name part-00000.parquet, which lies in data/."),
    (lose_hash, "of a shard it does not say 'sha256'."),
    (add_key, "of a shard it says 'more', which is not known."),
    (shards_by_name, "shards is not a list of tables."),
    (count_shards, "shards is not a list of tables."),
    (lose_dtype, "it does not say 'dtype'."),
    (number_parameters, "parameters is 3, not a list of names."),
    (name_twice, "it names part-00000.parquet twice"),
    (complete_by_a_word, "complete is 'no', not true or false"),
    (lose_plan, "plan is None, not a table"),
    (count_by_text, "the counts of part-00000.parquet are no whole numbers"),
    (hash_by_number, "the sha256 of part-00000.parquet is 5"),
)


@pytest.mark.parametrize(("fault", "told"), MANIFEST_FAULTS)
def test_a_manifest_that_contradicts_itself_is_damaged_for_all_that_read_it(
    path: Path, fault: Any, told: str
) -> None:
    before, values = rows_of(path), json.loads((path / "manifest.json").read_text())
    fault(values)
    (path / "manifest.json").write_text(json.dumps(values))
    for use in (read_codes, open_codes, verify_codes, examine_codes, summarize_codes, open_writer):
        with pytest.raises(DamagedManifest, match=rf"manifest\.json is damaged: {re.escape(told)}"):
            use(path)
    repair_codes(path)
    assert rows_of(path) == before and find_problems(path)[0].startswith("the job that wrote last")


@pytest.mark.parametrize("count", ["bytes", "rows", "images"])
def test_a_manifest_that_miscounts_a_sound_shard_is_itself_called_damaged(path: Path, count: str) -> None:
    before, values = rows_of(path), json.loads((path / "manifest.json").read_text())
    true = values["shards"][0][count]
    values["shards"][0][count] = true + 1
    (path / "manifest.json").write_text(json.dumps(values))
    told = rf"manifest\.json is damaged: .*part-00000\.parquet has {true + 1} {count}\. It has {true}"
    [problem] = find_problems(path)
    assert re.search(told, problem) and "codes repair" in problem and "delete" not in problem
    uses = {"bytes": (summarize_codes, open_writer), "rows": (read_codes, open_codes)}
    for use in uses.get(count, ()):
        with pytest.raises(StoreError, match=told):
            use(path)
    assert repair_codes(path).changed
    assert rows_of(path) == before and not repair_codes(path).changed


@pytest.mark.parametrize("number", [0, -1])
def test_a_format_that_no_version_has_written_is_damage(path: Path, number: int) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, "format": number}))
    text = rf"is damaged: it is of format {number}, which no version has written\. .*cnncodes codes repair"
    with pytest.raises(DamagedManifest, match=text):
        read_codes(path)
    repair_codes(path)
    assert len(read_codes(path).images)


def test_a_shard_name_cannot_leave_the_folder(path: Path) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["shards"][0]["name"] = "../../part-00000.parquet"
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(StoreError, match="no name of a shard"):
        read_codes(path)


def test_damaged_shards_are_named(path: Path) -> None:
    shard = path / "data" / "part-00001.parquet"
    good = shard.read_bytes()
    shard.write_bytes(good[: len(good) // 2])
    with pytest.raises(StoreError, match="part-00001.parquet is damaged"):
        read_codes(path)
    shard.write_bytes((path / "data" / "part-00000.parquet").read_bytes())
    with pytest.raises(StoreError, match="part-00001.parquet is damaged, or the manifest is: its sha256"):
        read_codes(path)
    shard.unlink()
    with pytest.raises(StoreError, match="part-00001.parquet is missing.* or run the same .*embed"):
        read_codes(path)


def test_verify_finds_one_flipped_bit(path: Path) -> None:
    codes = read_codes(path)
    codes.verify()
    shard = path / "data" / "part-00000.parquet"
    data = bytearray(shard.read_bytes())
    data[len(data) // 3] ^= 1
    shard.write_bytes(data)
    for read in (verify_codes, read_codes):
        with pytest.raises(StoreError, match="part-00000.parquet is damaged, or the manifest is: its sha256"):
            read(path)


def test_damaged_failures_are_named(path: Path) -> None:
    (path / "failures.parquet").write_bytes(b"x")
    with pytest.raises(StoreError, match="failures.parquet is damaged"):
        read_codes(path)


LAYERED = replace(SPACE, layer="low,code; mean")


@pytest.fixture
def layered(tmp_path: Path) -> Codes:
    views, path = StoredViews(PLAN), tmp_path / "layers.codes"
    with CodesWriter.open(path, LAYERED, views, layers={"low": 2, "code": 4}, shard_images=2) as writer:
        for key in "cab":
            writer.add(make(key))
    with CodesWriter.open(path, LAYERED, views, layers={"low": 2, "code": 4}) as writer:  # goes on
        writer.add(make("d"))
        writer.relabel({"a": ("dog", "test", None)})
    return read_codes(path)


def test_several_layers_are_columns_and_stand_side_by_side(layered: Codes) -> None:
    expected = np.concatenate([make(key).codes for key in "abcd"]).astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(layered.X, expected)
    table = (
        ds.dataset(layered.path / "data").to_table().sort_by([("image", "ascending"), ("view", "ascending")])
    )
    assert table.schema.names[-2:] == ["code_low", "code"]
    assert str(table.schema.field("code_low").type) == "fixed_size_list<element: halffloat>[2]"
    np.testing.assert_array_equal(np.stack(table["code_low"].to_pylist()), expected[:, :2])
    np.testing.assert_array_equal(np.stack(table["code"].to_pylist()), expected[:, 2:])
    assert layered.to_arrow().equals(table)


def test_a_layer_is_selected_with_its_space(layered: Codes) -> None:
    low, own = layered.select(layers="low"), layered.select(layers=["code"], split="train")
    np.testing.assert_array_equal(low.X, layered.X[:, :2])
    assert (low.space.layer, low.space.code_size) == ("low; mean", 2)
    np.testing.assert_array_equal(own.X, layered.X[layered.split == "train", 2:])
    assert (own.space.layer, own.space.code_size, own.to_arrow().schema.names[-1]) == (
        "code; mean",
        4,
        "code",
    )
    turned = layered.select(layers=("code", "low"))
    np.testing.assert_array_equal(turned.X, layered.X[:, [2, 3, 4, 5, 0, 1]])
    assert layered.select(layers=["low", "code"]).space == layered.space
    assert turned.select(layers="low").space == low.space
    with pytest.raises(UsageError, match="no layer 'lower'. Did you mean 'low'"):
        layered.select(layers="lower")


def test_one_layer_alone_is_selected_by_its_name(codes: Codes) -> None:
    assert codes.select(layers="code").space == codes.space
    with pytest.raises(UsageError, match="no layer 'low'"):
        codes.select(layers="low")


@pytest.mark.parametrize("layers", [{"low": 3, "code": 4}, {"low": "2"}, ["low"], {"low": -2, "code": 8}])
def test_layers_that_do_not_make_up_the_codes_are_damage(layered: Codes, layers: object) -> None:
    file = layered.path / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "layers": layers}))
    with pytest.raises(StoreError, match="manifest.json is damaged: (the )?layers"):
        read_codes(layered.path)


@needs_rights
@pytest.mark.parametrize("read", [read_codes, verify_codes, lambda path: find_problems(path)[0]])
def test_a_shard_that_the_system_does_not_give_is_not_called_damaged(path: Path, read) -> None:
    shard = path / "data" / "part-00001.parquet"
    shard.chmod(0)
    try:
        said = str(read(path))
    except StoreError as error:
        said = str(error)
    assert f"{shard} cannot be read: Permission denied." in said
    assert "delete" not in said and "is damaged:" not in said


@needs_rights
def test_repair_leaves_a_shard_alone_that_it_may_not_read(path: Path) -> None:
    shard = path / "data" / "part-00001.parquet"
    shard.chmod(0)
    (path / "manifest.json").unlink()
    with pytest.raises(StoreError, match=r"part-00001\.parquet cannot be read: Permission denied\."):
        repair_codes(path)
    assert shard.exists()
