"""A part of a dataset as one of its own: what `Codes.select` gives, and what embedding would have written."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import SPACE, fail, make, open_writer, rows_of, write

from cnncodes.backbones.frame import Frame
from cnncodes.errors import SourceError, StoreError, UsageError
from cnncodes.store import CodesWriter, ImageCodes, Manifest, Space, StoredViews, read_codes
from cnncodes.store.converting import convert_codes
from cnncodes.store.selecting import select_codes
from cnncodes.store.verifying import find_problems
from cnncodes.views import ViewPlan

FRAME = Frame(224, 224, 256)
PLAN = ViewPlan.parse("flip, train+rotation:3")
LAYERS = {"low": 2, "code": 4}
LAYERED = replace(SPACE, layer="low,code; mean")


def make_views(key: str, plan: ViewPlan, **options: Any) -> ImageCodes:
    """Make an image whose views have the plan's names; codes are a function of key and name."""
    image = make(key, views=plan.count, **options)
    shown = zip(plan.names(FRAME), image.views, strict=True)
    views = [{**view, "view_name": name, "flip": name.endswith("mirror")} for name, view in shown]
    codes = [make(f"{key}/{view['view_name']}", views=1).codes[0] for view in views]
    for view in views:
        if str(view["view_name"]).startswith("random"):
            view["angle"] = 1.5
    return replace(image, views=views, codes=np.stack(codes))


def write_views(
    path: Path, plan: ViewPlan, space: Space = LAYERED, layers: dict[str, int] | None = None
) -> None:
    stored = StoredViews(plan.to_dict(), asdict(FRAME), plan.columns)
    with CodesWriter.open(path, space, stored, layers=layers or LAYERS, shard_images=2) as writer:
        for key in "bac":
            writer.add(make_views(key, plan))


IMAGES = st.dictionaries(
    st.text("abcé ", min_size=1, max_size=3),
    st.tuples(st.sampled_from([None, "cat", ""]), st.sampled_from([None, "train", "test"]), st.booleans()),
    min_size=1,
    max_size=10,
)  # fmt: skip


@settings(max_examples=15)
@given(IMAGES, st.data())
def test_it_is_what_selecting_in_memory_gives(images: dict[str, Any], data: st.DataObject) -> None:
    works = {key: facts for key, facts in images.items() if facts[2]}
    parts = sorted({str(facts[1]) for facts in works.values() if facts[1] is not None})
    labels = sorted({str(facts[0]) for facts in works.values() if facts[0] is not None})
    split = data.draw(st.sets(st.sampled_from(parts), min_size=1)) if parts else set()
    label = data.draw(st.sets(st.sampled_from(labels), min_size=1)) if labels else set()
    names = data.draw(st.none() | st.sets(st.sampled_from(sorted(images)), min_size=1))
    with tempfile.TemporaryDirectory() as root:
        path, out = Path(root) / "x", Path(root) / "out"
        made = [make(k, label=f[0], split=f[1]) if f[2] else fail(k) for k, f in images.items()]
        write(path, made, shard_images=2)  # type: ignore[arg-type]
        expected = [
            row
            for row in rows_of(path)[0]
            if (not split or row["split"] in split)
            and (not label or row["label"] in label)
            and (names is None or row["image"] in names)
        ]
        if not expected:
            with pytest.raises(SourceError, match="none of the .* images with codes has all that is asked"):
                select_codes(path, out, split=split, label=label, images=names)
            assert [file.name for file in Path(root).iterdir()] == ["x"]
            return
        selected = select_codes(path, out, split=split, label=label, images=names)
        failed = {key for key, facts in images.items() if not facts[2]}
        kept = set() if split or label else failed if names is None else failed & names
        assert rows_of(out)[0] == expected
        assert {row["image"] for row in rows_of(out)[1]} == kept
        assert (selected.failures, selected.failures_left) == (
            len(kept), len(failed) if split or label else 0,
        )  # fmt: skip
        assert find_problems(out) == [] and selected.manifest.complete
        of_all = {"shards": (), "failures": None}  # what differs
        assert replace(selected.manifest, **of_all) == replace(Manifest.read(path), **of_all)


@pytest.mark.parametrize("plan", ["center", "flip", "train+rotation:1", "center, train+rotation:3"])
@pytest.mark.parametrize("layers", [[], ["low"], ["code", "low"]])
def test_views_and_layers_are_what_embedding_with_them_writes(
    tmp_path: Path, plan: str, layers: list[str]
) -> None:
    write_views(tmp_path / "x", PLAN)
    whole = read_codes(tmp_path / "x")
    chosen = whole.select(views=plan, layers=layers or None)
    select_codes(tmp_path / "x", tmp_path / "out", views=plan, layers=layers)
    found = read_codes(tmp_path / "out")
    np.testing.assert_array_equal(found.X, chosen.X)
    assert found.view_names.tolist() == chosen.view_names.tolist()
    assert found.space == chosen.space and found.plan == chosen.plan
    part = ViewPlan.parse(plan)
    stored = StoredViews(part.to_dict(), asdict(FRAME), part.columns)
    assert found.manifest.views == stored
    assert found.views.tolist() == list(range(part.count)) * 3
    if not layers:  # the very rows
        write_views(tmp_path / "embedded", part)
        assert rows_of(tmp_path / "out") == rows_of(tmp_path / "embedded")
    with CodesWriter.open(
        tmp_path / "out", found.space, stored, layers={name: LAYERS[name] for name in layers or LAYERS}
    ) as writer:  # a job that makes these codes goes on with them
        assert set(writer.known) == set("abc")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    images = [make("b", label=None, split=None), make("d", split="test"), make("a", label="dog"), fail("f")]
    write(tmp_path / "x.codes", [*images, make("c")], shard_images=2)
    return tmp_path / "x.codes"


def test_what_is_not_there_is_an_error_that_says_what_is(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(SourceError, match="no split 'tset'. Did you mean 'test'. Known: test, train"):
        select_codes(path, out, split=["tset"])
    with pytest.raises(SourceError, match="no label 'cow'. Known: cat, dog"):
        select_codes(path, out, label=["cat", "cow"])
    with pytest.raises(UsageError, match="no layer 'low'. Known: code"):
        select_codes(path, out, layers=["low"])
    with pytest.raises(UsageError, match="each layer can be chosen once. Got code, code"):
        select_codes(path, out, layers=["code", "code"])
    with pytest.raises(UsageError, match="no view 'v9', and no view plan has that name"):
        select_codes(path, out, views="v9")
    with pytest.raises(UsageError, match="2 of the 3 images asked for are not in these codes, 'x1' for one"):
        select_codes(path, out, images=["a", "x1", "x2"])
    with pytest.raises(
        SourceError, match="none of the 4 images .* the label 'dog' and the split 'test'. By "
    ):
        select_codes(path, out, label=["dog"], split=["test"])
    with pytest.raises(SourceError, match="none of the 4 images .*: one of 1 names"):
        select_codes(path, out, images=["f"])
    with pytest.raises(UsageError, match="which is read. Give another name"):
        select_codes(path, path, split=["test"])
    (tmp_path / "mine").mkdir()
    with pytest.raises(StoreError, match="mine exists already"):
        select_codes(path, tmp_path / "mine", split=["test"])
    with pytest.raises(StoreError, match="none does not exist"):
        select_codes(tmp_path / "none", out, split=["test"])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mine", "x.codes"]


def test_many_labels_are_not_all_listed(tmp_path: Path) -> None:
    write(tmp_path / "x", [make(f"i{n}", label=f"class {n}") for n in range(30)])
    with pytest.raises(SourceError, match=r"no label 'clas 7'. Did you mean 'class 7'\?$"):
        select_codes(tmp_path / "x", tmp_path / "out", label=["clas 7"])


def test_a_shard_without_a_row_that_is_wanted_is_not_read(path: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    select_codes(
        path, tmp_path / "out", split=["test"], on_progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(2, 2)]


def test_damage_is_named_and_nothing_is_written(path: Path, tmp_path: Path) -> None:
    file = path / "data" / "part-00001.parquet"
    data = bytearray(file.read_bytes())
    data[8] ^= 1
    file.write_bytes(data)
    with pytest.raises(StoreError, match=r"part-00001\.parquet is damaged"):
        select_codes(path, tmp_path / "out", layers=["code"])
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.codes"]


def test_a_mean_of_views_has_none_to_choose(tmp_path: Path) -> None:
    stored = StoredViews(PLAN.to_dict(), asdict(FRAME), PLAN.columns, reduce="mean")
    with CodesWriter.open(tmp_path / "x", SPACE, stored) as writer:
        writer.add(make("a", views=1))
    with pytest.raises(UsageError, match="hold the mean of each image's views"):
        select_codes(tmp_path / "x", tmp_path / "out", views="center")


def test_views_decoded_for_a_larger_one_are_refused(tmp_path: Path) -> None:
    write_views(tmp_path / "x", ViewPlan.parse("multicrop"), replace(LAYERED, decoding="fast"))
    with pytest.raises(
        UsageError, match="for views of short side 640, and that plan alone is decoded for 256"
    ):
        select_codes(tmp_path / "x", tmp_path / "out", views="center")
    write_views(tmp_path / "y", ViewPlan.parse("tencrop"), replace(LAYERED, decoding="fast"))
    select_codes(tmp_path / "y", tmp_path / "out", views="center")


def test_an_unfinished_job_stays_unfinished(path: Path, tmp_path: Path) -> None:
    replace(Manifest.read(path), complete=False).write(path)
    assert not select_codes(path, tmp_path / "out", split=["train"]).manifest.complete
    assert not read_codes(tmp_path / "out").complete


def test_two_parts_merge_into_the_whole(path: Path, tmp_path: Path) -> None:
    from cnncodes.store.merging import merge_codes

    for number, names in enumerate((["a", "b", "f"], ["c", "d"])):
        select_codes(path, tmp_path / str(number), images=names)
    merge_codes([tmp_path / "0", tmp_path / "1"], tmp_path / "whole")
    assert rows_of(tmp_path / "whole") == rows_of(path)


def test_a_plan_needs_to_know_what_its_views_were_cut_for(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="do not say for which input of the network"):
        select_codes(path, tmp_path / "out", views="center")


def test_images_whose_codes_are_kept_stay_marked_where_they_are_selected(tmp_path: Path) -> None:
    write(tmp_path / "x", [make("a", split="train"), make("b", split="test"), make("c", split="train")])
    with open_writer(tmp_path / "x") as writer:
        writer.keep_codes([fail("a"), fail("b")])
    found = select_codes(tmp_path / "x", tmp_path / "out", split=["train"])
    assert (found.failures, found.failures_left) == (0, 0)
    [failure] = rows_of(tmp_path / "out")[1]
    assert (failure["image"], failure["codes_kept"]) == ("a", True) and found.manifest.codes_kept == 1
    convert = convert_codes(tmp_path / "x", tmp_path / "x.csv", "csv")
    assert (convert.rows, convert.failures) == (6, 0)
