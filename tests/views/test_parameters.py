"""What a view varies, from one table: columns, values and captions."""

from __future__ import annotations

from dataclasses import fields

import pytest

from cnncodes.store.schema import codes_schema
from cnncodes.views import ColorJitter, Geometry, RandomViews
from cnncodes.views.colors import Tint
from cnncodes.views.parameters import PARAMETERS, list_drawn
from cnncodes.views.warp import Warp

TABLES = {"geometry": (Geometry, Warp), "color": (ColorJitter, Tint)}
#: What goes with a setting and is no parameter of a view by itself.
WITH_OTHERS = {"border", "principal_colors"}


def test_each_setting_that_varies_something_has_a_column_and_each_column_is_drawn() -> None:
    for table, (settings, drawn) in TABLES.items():
        mine = {name: one for name, one in PARAMETERS.items() if one.table == table}
        assert {one.setting for one in mine.values()} == {
            item.name for item in fields(settings)
        } - WITH_OTHERS
        assert {one.attribute or name for name, one in mine.items()} == {
            item.name for item in fields(drawn)
        } - WITH_OTHERS


def test_what_is_drawn_is_stored_and_shown_in_order() -> None:
    geometry = Geometry(0.1, 5.0, (0.9, 1.1), 3.0, 0.05, (-0.1, 0.1), (-0.01, 0.01))
    color = ColorJitter((0.9, 1.1), (0.9, 1.1), (0.9, 1.1), 0.1)
    columns = RandomViews(1, color=color, geometry=geometry).columns
    schema = codes_schema({"code": 4}, "float16", columns)
    assert columns == tuple(PARAMETERS) == tuple(name for name in schema.names if name in PARAMETERS)
    values = list_drawn(Warp(), Tint())
    for name, one in PARAMETERS.items():
        length = len(values[name]) if isinstance(values[name], tuple) else 1
        assert (length, one.describe(values[name]).startswith(("colour", name))) == (one.length, True)


@pytest.mark.parametrize("name", [*PARAMETERS])
def test_what_is_not_varied_has_no_column(name: str) -> None:
    assert name not in RandomViews(1, flip=0.5).columns
    drawn = list_drawn(None, Tint()) if PARAMETERS[name].table == "geometry" else list_drawn(Warp(), None)
    assert name not in drawn
