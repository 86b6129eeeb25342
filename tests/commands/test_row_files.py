"""Rows of predictions read back as they were."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.commands.row_files import to_csv, write_rows

COLUMNS = {"image": "string", "value": "float64", "answered": "bool"}
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "image": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
            "value": st.none() | st.floats(allow_nan=False),
            "answered": st.none() | st.booleans(),
        }
    ),
    max_size=5,
)


@given(ROWS)
def test_csv_with_whole_numbers_reads_back(rows: list[dict[str, Any]]) -> None:
    found = list(csv.DictReader(io.StringIO(to_csv(rows, COLUMNS, ""), newline="")))
    assert [row["image"] for row in found] == [row["image"] for row in rows]
    assert [None if not row["value"] else float(row["value"]) for row in found] == [
        row["value"] for row in rows
    ]
    words = {None: "", True: "true", False: "false"}
    assert [row["answered"] for row in found] == [words[row["answered"]] for row in rows]


@pytest.mark.parametrize("rows", [[], [{"image": "a.png", "value": 1 / 3, "answered": None}]])
def test_parquet_has_the_types_of_the_columns_whatever_the_rows(
    rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    write_rows(tmp_path / "rows.parquet", rows, COLUMNS, ".6f")
    table = pq.read_table(tmp_path / "rows.parquet")
    assert [str(kind) for kind in table.schema.types] == ["string", "double", "bool"]
    assert table.to_pylist() == rows


def test_csv_has_as_many_digits_as_are_asked_for(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.CSV", [{"image": "a", "value": 1 / 3, "answered": True}], COLUMNS, ".6f")
    assert (tmp_path / "rows.CSV").read_text() == "image,value,answered\na,0.333333,true\n"
