"""Rows of replaced images stay for copies of them: the newest, and those that were promised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from samples import content_of, make, open_writer, rows_of, write

from cnncodes.errors import UsageError
from cnncodes.store import ImageCopy, verify_codes
from cnncodes.store.index import Index
from cnncodes.store.lending import Loans
from cnncodes.store.manifest import Manifest
from cnncodes.store.shards import load_shard


def copy(key: str, of: str) -> ImageCopy:
    return ImageCopy(key=key, label=None, split=None, size=10, mtime_ns=7, content=content_of(of))


def test_what_was_replaced_is_there_for_a_copy(tmp_path: Path) -> None:
    write(tmp_path, [make(key) for key in "abcd"], shard_images=2)
    codes = {row["image"]: row["code"] for row in rows_of(tmp_path)[0]}
    with open_writer(tmp_path, shard_images=1) as writer:  # each result is a shard
        assert all(writer.promise(content_of(key)) for key in "abcd")
        assert not writer.promise(content_of("e"))
        for key, of in zip("abcd", "dcba", strict=True):
            writer.add(copy(key, of))
    rows = rows_of(tmp_path)[0]
    assert {row["image"]: row["code"] for row in rows} == dict(
        zip("abcd", map(codes.get, "dcba"), strict=True)
    )
    assert {row["content"] for row in rows if row["image"] == "a"} == {content_of("d")}
    verify_codes(tmp_path)


def test_the_oldest_goes_first_and_what_is_promised_stays(tmp_path: Path) -> None:
    tables = {}
    for key in "abc":
        write(tmp_path / key, [make(key), make(key.upper())])
        [shard] = Manifest.read(tmp_path / key).shards
        tables[key] = load_shard(tmp_path / key, shard, None)
    loans, promised = Loans(Index(), most=tables["b"].nbytes + tables["c"].nbytes - 1), content_of("A")
    loans.keep(tables["a"])
    assert loans.promise(promised) and loans.promise(promised)
    loans.keep(tables["b"])
    loans.keep(tables["c"])
    loans.trim()
    assert "".join(key for key in "aAbBcC" if loans.has(content_of(key))) == "aAcC"
    kept = loans.read(promised)
    assert kept is not None and kept.to_pylist() == tables["a"].slice(0, 2).to_pylist()  # "A" before "a"
    loans.fulfil(promised)
    loans.trim()
    assert loans.has(promised)  # it was promised twice
    loans.fulfil(promised)
    loans.fulfil(content_of("never promised"))
    loans.trim()
    assert not loans.has(promised) and not loans.promise(promised) and loans.read(promised) is None


def test_a_copy_of_what_went_long_ago_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, [make(key) for key in "ab"])
    monkeypatch.setattr("cnncodes.store.writing.Loans", lambda index: Loans(index, most=0))
    with open_writer(tmp_path, shard_images=1) as writer:
        writer.add(replace(make("a"), content=content_of("other")))
        with pytest.raises(UsageError, match="has no codes of the content of 'b'"):
            writer.add(copy("b", "a"))
