"""What the frozen part gives of each view: the same from disk and computed anew, and kept after a kill."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_tuning import SIDE, make_backbone, make_images

from cnncodes.backbones import Backbone
from cnncodes.embedding import Embedder
from cnncodes.errors import SourceError, StoreError
from cnncodes.finetuning.blocks import choose_weights
from cnncodes.finetuning.contents import hash_contents
from cnncodes.finetuning.features import FeatureStore, add_up_mark
from cnncodes.finetuning.frozen import ViewSet
from cnncodes.finetuning.parts import Parts, split_graph
from cnncodes.finetuning.reading import read_graph
from cnncodes.images import Decoding, records_from
from cnncodes.views import ViewPlan

PLANS = ("flip", "center, rotation:2")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return make_backbone()


@pytest.fixture(scope="module")
def parts(backbone: Backbone) -> Parts:
    model = backbone.model_bytes()
    return split_graph(model, choose_weights(read_graph(model), "layer2"), SIDE, SIDE)


def make_sets(count: int = 3) -> list[ViewSet]:
    found = [make_images(count, first=place * 100) for place in range(2)]
    return [
        ViewSet(images.records, images.contents, ViewPlan.parse(plan))
        for images, plan in zip(found, PLANS, strict=True)
    ]


def open_store(
    folder: Path, parts: Parts, backbone: Backbone, budget: int = 1 << 30, sets: Any = None
) -> FeatureStore:
    sets = make_sets() if sets is None else sets
    return FeatureStore(folder, parts, backbone, sets, decoding=Decoding(), budget=budget, n_jobs=2)


def cut_mark(path: Path, count: int) -> None:
    """Leave the first marks, so many of them."""
    mark = json.loads(path.read_text())
    mark = {"identity": mark["identity"], "kept_rows": mark["kept_rows"], "sums": mark["sums"][:count]}
    mark["failed"] = {}
    path.write_text(json.dumps({**mark, "sum": add_up_mark(mark)}))


def read_all(store: FeatureStore) -> list[np.ndarray[Any, Any]]:
    batches = list(store.batches(np.arange(store.rows), 4))
    assert [len(batch[0]) for batch in batches[:-1]] == [4] * (len(batches) - 1)
    return [np.concatenate(values) for values in zip(*batches, strict=True)]


def test_rows_are_the_views_of_the_images(tmp_path: Path, parts: Parts, backbone: Backbone) -> None:
    store = open_store(tmp_path, parts, backbone)
    store.fill()
    assert store.rows == 9 * 2 + 9 * 3 == store.kept_rows
    for number, one in enumerate(make_sets()):
        views = one.plan.count
        results = Embedder(backbone, one.plan).embed(one.records)
        for i, found in enumerate(results):
            rows = store.places(number, np.full(views, i), np.arange(views))
            assert np.array_equal(store.codes(rows), found.codes)  # type: ignore[union-attr]


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_what_does_not_fit_is_computed_anew_and_equal(
    share: float, tmp_path: Path, parts: Parts, backbone: Backbone
) -> None:
    whole = open_store(tmp_path / "whole", parts, backbone)
    whole.fill()
    budget = int(share * whole.rows) * whole.row_bytes
    partly = open_store(tmp_path / "part", parts, backbone, budget)
    partly.fill()
    assert partly.kept_rows == int(share * whole.rows) < whole.rows
    for ours, theirs in zip(read_all(partly), read_all(whole), strict=True):
        assert np.array_equal(ours, theirs)
    assert (tmp_path / "part/feature-0.bin").stat().st_size == budget
    rows = np.array([40, 3, 40, 7])
    assert all(
        np.array_equal(a, b)
        for a, b in zip(next(partly.batches(rows, 4)), next(whole.batches(rows, 4)), strict=True)
    )


@pytest.mark.parametrize("name", ["feature-0.bin", "codes.bin"])
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_what_is_damaged_is_computed_again(
    name: str, damage: str, tmp_path: Path, parts: Parts, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnncodes.finetuning.features._MARK", 4)
    store = open_store(tmp_path, parts, backbone)
    store.fill()
    expected = read_all(store), store.codes(np.arange(45))
    data = (tmp_path / name).read_bytes()
    place = len(data) // 2  # among the rows of the tenth image or later
    changed = data[:place] if damage == "cut" else data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    (tmp_path / name).write_bytes(changed)
    calls: list[int] = []
    again = open_store(tmp_path, parts, backbone)
    said: list[str] = []
    again.fill(lambda done, total, failed: calls.append(done), on_damage=said.append)
    assert calls == list(range(9, 19))
    assert said == ["features are damaged: those of 10 images are computed again"]
    assert np.array_equal(again.codes(np.arange(45)), expected[1])
    assert all(np.array_equal(a, b) for a, b in zip(read_all(again), expected[0], strict=True))


def test_where_the_record_of_features_is_damaged_that_is_said(
    tmp_path: Path, parts: Parts, backbone: Backbone
) -> None:
    """At any place: a digit of a hash that is another one had meant the features of other work."""
    open_store(tmp_path, parts, backbone).fill()
    mark = tmp_path / "features.json"
    whole = mark.read_bytes()
    flipped = (whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in (5, 40, len(whole) // 2))
    for damaged in (b"", b"{", b"[]", *flipped):
        mark.write_bytes(damaged)
        said: list[str] = []
        open_store(tmp_path, parts, backbone).fill(on_damage=said.append)
        assert said == ["features.json is damaged: the features of all images are computed again"]
        assert mark.read_bytes() == whole


def test_it_goes_on_where_it_stopped(
    tmp_path: Path, parts: Parts, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnncodes.finetuning.features._MARK", 7)
    store = open_store(tmp_path, parts, backbone)
    store.fill()
    expected = read_all(store)
    cut_mark(tmp_path / "features.json", 1)
    for name in ("feature-0.bin", "codes.bin"):  # as if what comes after had never been written
        data = bytearray((tmp_path / name).read_bytes())
        first = len(data) * 7 * 2 // store.rows
        data[first:] = bytes(len(data) - first)
        (tmp_path / name).write_bytes(data)
    calls: list[int] = []
    again = open_store(tmp_path, parts, backbone)
    said: list[str] = []
    again.fill(lambda done, total, failed: calls.append(done), on_damage=said.append)
    assert calls == list(range(8, 19)) and said == []  # what was not marked is no damage
    assert all(np.array_equal(a, b) for a, b in zip(read_all(again), expected, strict=True))


def test_an_interrupt_loses_no_image_that_was_done(tmp_path: Path, parts: Parts, backbone: Backbone) -> None:
    def interrupt(done: int, total: int, failed: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    store = open_store(tmp_path, parts, backbone)
    with pytest.raises(KeyboardInterrupt):
        store.fill(interrupt)
    store.close()
    seen: list[int] = []
    store = open_store(tmp_path, parts, backbone)
    store.fill(lambda done, total, failed: seen.append(done))
    assert seen[0] == 4
    whole = open_store(tmp_path / "whole", parts, backbone)
    whole.fill()
    for found, expected in zip(read_all(store), read_all(whole), strict=True):
        assert np.array_equal(found, expected)
    store.close()
    whole.close()


def test_what_another_process_has_computed_is_opened_if_it_is_whole(
    tmp_path: Path, parts: Parts, backbone: Backbone
) -> None:
    second = open_store(tmp_path, parts, backbone)
    with pytest.raises(StoreError, match="all need the same folder"):
        second.join()
    assert not list(tmp_path.iterdir())
    first = open_store(tmp_path, parts, backbone)
    first.fill()
    second.join()
    assert all(np.array_equal(a, b) for a, b in zip(read_all(second), read_all(first), strict=True))
    cut_mark(tmp_path / "features.json", 0)
    with pytest.raises(StoreError, match="all need the same folder"):
        open_store(tmp_path, parts, backbone).join()
    assert (tmp_path / "codes.bin").exists()


@pytest.mark.parametrize("change", ["images", "plan", "budget"])
def test_features_of_other_work_are_not_taken(
    change: str, tmp_path: Path, parts: Parts, backbone: Backbone
) -> None:
    open_store(tmp_path, parts, backbone).fill()
    sets, budget = make_sets(), 1 << 30
    if change == "images":
        sets[1] = dataclasses.replace(sets[0], plan=sets[1].plan)
    elif change == "plan":
        sets[0] = dataclasses.replace(sets[0], plan=ViewPlan.parse("tencrop"))
    else:
        budget = 1000
    calls: list[int] = []
    said: list[str] = []
    store = open_store(tmp_path, parts, backbone, budget, sets)
    store.fill(lambda done, *_: calls.append(done), on_damage=said.append)
    assert calls[0] == 1 and calls[-1] == len(calls) and said == []
    (tmp_path / "codes.bin").unlink()
    open_store(tmp_path, parts, backbone, budget, sets).fill(on_damage=said.append)
    assert said == [f"codes.bin is missing: the features of {len(calls)} images are computed again"]


def test_an_image_that_cannot_be_read_is_a_failure_and_no_row(
    tmp_path: Path, parts: Parts, backbone: Backbone
) -> None:
    images = records_from([np.zeros((20, 20, 3), np.uint8), b"no image"])
    contents, failed = hash_contents(images)
    assert failed == {}
    sets = [ViewSet(images, contents, ViewPlan.parse("center"))]
    store = open_store(tmp_path, parts, backbone, sets=sets)
    store.fill()
    assert list(store.failures(0)) == [1]
    assert "decode" in store.failures(0)[1]


def test_an_image_that_changes_meanwhile_is_an_error(
    tmp_path: Path, parts: Parts, backbone: Backbone
) -> None:
    from PIL import Image

    path = tmp_path / "a.png"
    Image.new("RGB", (20, 20)).save(path)
    images = records_from([path])
    sets = [ViewSet(images, hash_contents(images)[0], ViewPlan.parse("center"))]
    store = open_store(tmp_path / "state", parts, backbone, 0, sets)
    store.fill()
    Image.new("RGB", (20, 20), "red").save(path)
    with pytest.raises(SourceError, match=r"a\.png.* cannot any more .*changed since the work began"):
        next(store.batches(np.array([0]), 1))


def test_rows_that_are_not_there_are_refused(tmp_path: Path, parts: Parts, backbone: Backbone) -> None:
    store = open_store(tmp_path, parts, backbone)
    store.fill()
    with pytest.raises(StoreError, match="has 45 rows"):
        store.codes(np.array([45]))
    store.close()
    store.close()
