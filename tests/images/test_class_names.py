"""Numbers of classes that a Parquet file has names for become these, and nothing else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cnncodes.errors import ResultWarning, SourceError
from cnncodes.images.class_names import find_names
from cnncodes.images.tables import Columns, list_table

# What a table lists is asked here, and not whether it is there.
pytestmark = pytest.mark.filterwarnings("ignore:.*leads to (a|no) file:cnncodes.errors.ResultWarning")


def write(folder: Path, labels: Any, features: Any) -> Path:
    table = pa.table({"image": [f"{row}.png" for row in range(len(labels))], "label": labels})
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(table.replace_schema_metadata(metadata), folder / "pets.parquet")
    return folder / "pets.parquet"


def labels_of(path: Path) -> list[str | None]:
    return [record.label for record in list_table(path, Columns())]


PETS = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}


def test_numbers_of_classes_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, [1, 0, -1, None, 1], PETS)
    assert labels_of(path) == ["dog", "cat", None, None, "dog"]


def test_text_and_fractions_stay_what_they_are(tmp_path: Path) -> None:
    assert labels_of(write(tmp_path, ["1", "0"], PETS)) == ["1", "0"]
    assert labels_of(write(tmp_path, [1.0, 0.5], PETS)) == ["1", "0.5"]


@pytest.mark.parametrize(
    "features",
    [
        {"label": {"dtype": "int64", "_type": "Value"}},
        {"label": {"names": None, "_type": "ClassLabel"}},
        {"label": ["cat", "dog"]},
        ["label"],
        None,
    ],
)
def test_other_features_name_nothing(tmp_path: Path, features: Any) -> None:
    assert labels_of(write(tmp_path, [1, 0], features)) == ["1", "0"]


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["cat", "dog", "cat"], "the name 'cat' for two numbers"),
        ([1, 2], "1 among its names, which is no text"),
    ],
)
def test_names_that_tell_no_classes_apart_are_said_to_be_passed_over(
    tmp_path: Path, names: list[Any], what: str
) -> None:
    path = write(tmp_path, [1, 0], {"label": {"names": names, "_type": "ClassLabel"}})
    with pytest.warns(ResultWarning, match=f"pets.parquet: the column 'label' has {what}: its numbers"):
        assert labels_of(path) == ["1", "0"]


@pytest.mark.parametrize("metadata", [None, {}, {b"huggingface": b"{"}, {b"huggingface": b"[1]"}])
def test_what_is_no_such_metadata_names_nothing(metadata: Any) -> None:
    assert find_names(metadata) == {}


def test_a_number_without_a_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"column 'label' holds the number 2, and the file names 2 classes"):
        labels_of(write(tmp_path, [1, 2], PETS))
