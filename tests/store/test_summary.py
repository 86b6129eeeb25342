"""Summaries of a dataset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from samples import fail, make, write

from cnncodes.errors import StoreError
from cnncodes.store.summary import summarize_codes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    images = [
        make("a"),
        make("b", label=None, split=None),
        replace(make("c", label="dog", split="test"), group="eva"),
        fail("f"),
    ]
    write(tmp_path / "x.codes", [*images, replace(make("d"), group="eva"), fail("g")], shard_images=2)
    return tmp_path / "x.codes"


def test_images_are_counted_once_whatever_their_views(path: Path) -> None:
    found = summarize_codes(path)
    assert (found.images, found.rows) == (4, 8)
    assert found.labels == {"cat": 2, "dog": 1}
    assert found.splits == {"test": 1, "train": 2}
    assert found.groups == 1
    assert found.failures == {"decode": 2}
    assert found.bytes == sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def test_what_is_no_dataset_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is no codes dataset"):
        summarize_codes(tmp_path)
