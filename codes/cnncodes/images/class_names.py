"""Names that a Parquet file has for the numbers of classes in a column, as Hugging Face's datasets do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cnncodes.errors import SourceError, count

#: What stands for an image without a label there.
_NONE = -1


def find_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[Any]]:
    """Return the names of the classes of each column that holds their numbers, from a schema's metadata.

    What cannot be read so is of something else, and names nothing.

    Examples
    --------
    >>> features = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}, "image": {"_type": "Image"}}
    >>> find_names({b"huggingface": json.dumps({"info": {"features": features}}).encode()})
    {'label': ['cat', 'dog']}
    """
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        kinds = {name: feature for name, feature in features.items() if isinstance(feature, dict)}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}
    return {
        str(name): kind["names"]
        for name, kind in kinds.items()
        if kind.get("_type") == "ClassLabel" and isinstance(kind.get("names"), list)
    }


def explain_useless(names: Sequence[Any]) -> str | None:
    """Return what is wrong with names that tell no classes apart; else None.

    Examples
    --------
    >>> explain_useless(["cat", "dog", "cat"])
    "the name 'cat' for two numbers"
    """
    strange = [name for name in names if not isinstance(name, str)]
    if strange:
        return f"{strange[0]!r} among its names, which is no text"
    twice = [name for name, number in Counter(names).items() if number > 1]
    return f"the name {twice[0]!r} for two numbers" if twice else None


def name_classes(numbers: Sequence[Any], names: Sequence[str], where: str) -> list[str | None]:
    """Return the name of each number, None where there is no label.

    Raises
    ------
    SourceError
        If a number has no name; `where` says of what column.

    Examples
    --------
    >>> name_classes([1, 0, -1, None], ["cat", "dog"], "pets.parquet: the column 'label'")
    ['dog', 'cat', None, None]
    """
    known: dict[int | None, str | None] = {_NONE: None, None: None, **dict(enumerate(names))}
    strange = next((number for number in numbers if number not in known), None)
    if strange is not None:
        raise SourceError(
            f"{where} holds the number {strange}, and the file names"
            f" {count(len(names), 'class', 'classes')}, from 0 on. Write the table anew with the"
            " names of all, or without names."
        )
    return [known[number] for number in numbers]
