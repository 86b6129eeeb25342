"""Spaces: equal, different, written down."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from samples import SPACE

from cnncodes.errors import StoreError
from cnncodes.store import Space
from cnncodes.store.space import describe_differences


@pytest.mark.parametrize("name", [field.name for field in fields(Space)])
def test_each_field_makes_another_space(name: str) -> None:
    other = replace(SPACE, **{name: 7 if name == "code_size" else "other"})
    assert SPACE.id != other.id
    (line,) = SPACE.differences(other)
    assert (
        line.startswith(f"{name}: ")
        and repr(getattr(SPACE, name)) in line
        and repr(getattr(other, name)) in line
    )


def test_round_trip() -> None:
    again = Space.from_dict(json.loads(json.dumps(SPACE.to_dict())))
    assert again == SPACE and again.id == SPACE.id and again.differences(SPACE) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [({"layr": "x"}, "'layer'"), ({"layer": 3}, "layer must be str"), ({"code_size": True}, "int")],
)
def test_wrong_fields_are_named(change: dict[str, object], word: str) -> None:
    with pytest.raises(StoreError, match=word):
        Space.from_dict({**SPACE.to_dict(), **change})
    with pytest.raises(StoreError, match="'layer'.*missing"):
        Space.from_dict({key: value for key, value in SPACE.to_dict().items() if key != "layer"})


def test_principal_colors_that_differ_are_told_in_a_line_without_their_numbers() -> None:
    colors = {"variances": [3.0, 2.0, 1.0], "components": [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]}
    stored = {"color": {"pca_std": 0.1, "principal_colors": {**colors, "n_images": 5, "n_pixels": 90}}}
    others = {**colors, "variances": [3.0000000000000004, 2.0, 1.0], "n_images": 5, "n_pixels": 90}
    now = {"color": {"pca_std": 0.1, "principal_colors": others}}
    (line,) = describe_differences(stored, now, "plan")
    assert line == "plan.color.principal_colors: those of 5 images (stored) against others of 5 images (now)"
    others["n_images"] = 6
    (line,) = describe_differences(stored, now, "plan")
    assert "those of 5 images (stored) against others of 6 images (now)" in line
    (line,) = describe_differences(stored, {"color": {"pca_std": 0.1}}, "plan")
    assert line == "plan.color.principal_colors: those of 5 images (stored) against nothing (now)"
    assert describe_differences(stored, stored, "plan") == []
