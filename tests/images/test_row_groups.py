"""Rows of a table are what was written, in whatever order they are asked for; no group is held whole."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncodes.errors import UnreadableImage
from cnncodes.images.file_stats import ListedFile
from cnncodes.images.row_groups import RowGroup, read_row

N_ROWS = 200


def value(row: int) -> bytes:
    return bytes([row]) * (row % 7 * 50)


def write(folder: Path, **settings: object) -> ListedFile:
    path = folder / "x.parquet"
    pq.write_table(pa.table({"b": [value(row) for row in range(N_ROWS)]}), path, **settings)
    return ListedFile.of(path)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, N_ROWS - 1), min_size=1, max_size=300), st.integers(1, 5000))
def test_rows_are_what_was_written_in_any_order(rows: list[int], kept: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        group = RowGroup(write(Path(folder)), "b", 0, kept=kept)
        assert [group.read(row) for row in rows] == [value(row) for row in rows]


def test_in_order_each_batch_is_read_once_and_in_no_order_a_few_times(tmp_path: Path) -> None:
    table = write(tmp_path)
    group = RowGroup(table, "b", 0, kept=1)
    for row in range(N_ROWS):
        group.read(row)
    once = group.batches_read
    assert once == -(-N_ROWS // 16)
    group = RowGroup(table, "b", 0, kept=1)
    for row in range(N_ROWS):
        group.read(row * 77 % N_ROWS)
    assert group.batches_read <= 20 * once  # and not once a row: what is kept doubles


def test_lanes_that_are_some_rows_apart_read_nothing_again(tmp_path: Path) -> None:
    group = RowGroup(write(tmp_path), "b", 0)
    for row in range(0, N_ROWS, 20):
        for other in (row + 19, row, row + 10):
            group.read(other)
    assert group.batches_read == -(-N_ROWS // 16)


def test_of_a_group_that_was_read_to_its_end_only_what_is_kept_is_held(tmp_path: Path) -> None:
    rows = [os.urandom(2**14) for _ in range(256)]  # a page of 4 MiB, which its reader holds
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"b": rows}), path)
    group = RowGroup(ListedFile.of(path), "b", 0, kept=2**18)
    before = pa.total_allocated_bytes()
    for row in range(240):
        group.read(row)
    assert pa.total_allocated_bytes() - before > 3 * 2**20
    assert group.read(255) == rows[255]
    assert pa.total_allocated_bytes() - before < 2**20
    assert group.read(0) == rows[0]  # and is read again where it is asked for


OTHERS = {
    "other rows": pa.table({"b": [value(row) for row in reversed(range(N_ROWS))]}),
    "fewer rows": pa.table({"b": [b"other"]}),
    "other columns": pa.table({"c": [b"other"]}),
    "no rows": pa.table({"b": pa.array([], pa.binary())}),
}


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("read_before", [0, 1, 20])
def test_of_another_table_in_its_place_nothing_is_read(
    tmp_path: Path, name: str, read_before: int, in_place: bool
) -> None:
    table = write(tmp_path)
    for row in range(read_before):
        assert read_row(table, "b", 0, row) == value(row)
    other = tmp_path / "other"
    pq.write_table(OTHERS[name], other)
    os.utime(other, ns=(0, table.stat.mtime_ns + 1_000_000))
    if in_place:
        Path(table.path).write_bytes(other.read_bytes())
        os.utime(table.path, ns=(0, table.stat.mtime_ns + 1_000_000))
    else:
        other.rename(table.path)
    for row in (read_before + 32, 199, read_before + 32):
        with pytest.raises(UnreadableImage, match="has changed since it was listed"):
            read_row(table, "b", 0, row)
    for row in range(read_before):  # what is in memory is still of the old one
        with contextlib.suppress(UnreadableImage):
            assert read_row(table, "b", 0, row) == value(row)
    again = ListedFile.of(table.path)
    if name == "other rows":
        assert [read_row(again, "b", 0, row) for row in range(3)] == [value(199 - row) for row in range(3)]


def test_what_stands_before_damage_is_read_and_what_follows_has_its_reason(tmp_path: Path) -> None:
    table = write(tmp_path, compression="none", use_dictionary=False, data_page_size=100, write_batch_size=1)
    data = bytearray(Path(table.path).read_bytes())
    at = data.index(value(139))
    data[at - 60 : at - 4] = b"\xff" * 56  # the header of the page among them
    Path(table.path).write_bytes(data)
    table = ListedFile.of(table.path)
    orders = (range(N_ROWS), reversed(range(N_ROWS)))
    found = []
    for rows in orders:
        group, read, reasons = RowGroup(table, "b", 0, kept=1), set(), set()
        for row in rows:
            try:
                assert group.read(row) == value(row)
                read.add(row)
            except UnreadableImage as error:
                reasons.add(error.reason)
        assert len(reasons) == 1
        found.append(read)
    assert found[0] == found[1] == set(range(128))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_process_that_was_forked_reads_by_itself(tmp_path: Path) -> None:
    table = write(tmp_path)
    assert read_row(table, "b", 0, 0) == value(0)
    child = os.fork()
    if not child:
        os._exit(0 if [read_row(table, "b", 0, row) for row in range(150)][140] == value(140) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [read_row(table, "b", 0, row) for row in range(N_ROWS)] == [*map(value, range(N_ROWS))]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measured by Linux")
def test_a_group_may_be_larger_than_what_it_takes_to_read_it(tmp_path: Path) -> None:
    rows = [os.urandom(100_000) for _ in range(6_000)]
    pq.write_table(pa.table({"image": rows}), tmp_path / "x.parquet", row_group_size=10_000)
    text = (
        "import re, sys; from cnncodes.images import open_source\n"
        "total = sum(len(one.read()) for one in open_source(sys.argv[1]).records)\n"
        "print(total, 1024 * int(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1]))"
    )
    command = [sys.executable, "-c", text, str(tmp_path / "x.parquet")]
    total, peak = map(int, subprocess.run(command, capture_output=True, check=True, text=True).stdout.split())
    assert total == 600_000_000 and peak < 700_000_000  # a group in memory takes three times its bytes
