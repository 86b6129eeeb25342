"""Datasets of rows that exist already: shards of a good size, images never divided."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import SPACE, VIEWS, fail, make

from cnncodes.store import Failure, Manifest, building, read_codes
from cnncodes.store.building import CodesBuilder
from cnncodes.store.schema import codes_table
from cnncodes.store.verifying import find_problems

MANIFEST = Manifest(SPACE, VIEWS, "float32")


def table(sizes: dict[str, int]) -> Any:
    return codes_table([make(key, views=views) for key, views in sizes.items()], MANIFEST.schema)


IMAGES = st.dictionaries(st.text("abcé", min_size=1, max_size=3), st.integers(1, 5), max_size=14)


@settings(max_examples=15)
@given(IMAGES, st.lists(st.integers(0, 4), max_size=14), st.integers(1, 4), st.integers(1, 9))
def test_all_rows_are_kept_and_shards_are_full(
    images: dict[str, int], pieces: list[int], shard_images: int, shard_rows: int
) -> None:
    with tempfile.TemporaryDirectory() as root, pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "SHARD_ROWS", shard_rows)
        builder, keys = CodesBuilder(Path(root) / "x", MANIFEST, shard_images), list(images)
        for size in [*pieces, len(keys)]:  # however the rows come
            builder.add(table({key: images[key] for key in keys[:size]}))
            keys = keys[size:]
        manifest = builder.finish([fail("f")], complete=True)
        codes = read_codes(Path(root) / "x")
        assert codes.to_arrow().equals(table(images)) and codes.manifest == manifest
        assert [Failure(*row.values()) for row in codes.failures.to_pylist()] == [fail("f")]
        assert find_problems(Path(root) / "x") == []
        for shard in manifest.shards:
            assert shard.images <= shard_images and (shard.rows <= shard_rows or shard.images == 1)
        for one, next_one in itertools.pairwise(manifest.shards):
            whole = one.images == shard_images or one.rows >= shard_rows
            assert whole or one.rows + max(images.values()) > shard_rows, (one, next_one)


def test_what_did_not_finish_is_not_complete(tmp_path: Path) -> None:
    builder = CodesBuilder(tmp_path / "x", MANIFEST)
    builder.add(table({"a": 2}))
    assert not builder.finish([], complete=False).complete
    assert not read_codes(tmp_path / "x").complete


def test_shards_are_in_order_where_the_rows_came_in_order(tmp_path: Path) -> None:
    builder = CodesBuilder(tmp_path / "x", MANIFEST, 2)
    for key in "abcdefg":
        builder.add(table({key: 1}))
    names = [shard.name for shard in builder.finish([], complete=True).shards]
    assert len(names) == 4 and names == sorted(names)
