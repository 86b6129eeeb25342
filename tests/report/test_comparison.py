"""What `baseline` wrote is read, and what it did not write is refused with the reason."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_reports import make_ladder

from cnncodes.errors import UsageError
from cnncodes.report import read_comparison


def test_what_was_written_is_read() -> None:
    found = read_comparison(make_ladder(images=["a.png"], labels=["cat"]), "b.json")
    assert [one.title for one in found.tried][:2] == ["majority class", "raw pixels, 16 x 16: logistic"]
    assert found.tried[1].cost == pytest.approx(4.2) and found.tried[2].difference is None
    assert found.curve is not None and len(found.curve.points) == 5 and found.images == {"a.png": "cat"}


def test_an_interval_that_is_not_known_is_no_number() -> None:
    ladder = make_ladder()
    ladder["methods"][1]["difference"] = {"value": 0.1, "low": None, "high": None, "n": 4}
    difference = read_comparison(ladder, "b.json").tried[1].difference
    assert difference is not None and math.isnan(difference.low)


def _spoil(ladder: dict[str, Any], what: str) -> Any:
    if what == "other":
        return {"predictions": []}
    if what == "list":
        return [1]
    if what == "old":
        del ladder["verdict"]
    if what == "seconds":
        ladder["methods"][0]["fit_cpu_seconds"] = -1
    if what == "accuracy":
        ladder["methods"][0]["evaluation"]["accuracy"]["value"] = None
    if what == "labels":
        ladder["images"] = ["a"]
    if what == "empty":
        ladder["methods"] = []
    if what == "curve":
        ladder["curve"]["points"] = []
    if what == "size":
        ladder["curve"]["points"][0]["images"] = 0
    return ladder


@pytest.mark.parametrize(
    "what", ["other", "list", "old", "seconds", "accuracy", "labels", "empty", "curve", "size"]
)
def test_something_else_is_refused(what: str) -> None:
    with pytest.raises(
        UsageError, match=r"'b\.json' is no report that 'cnncodes baseline -o' of this version"
    ):
        read_comparison(_spoil(make_ladder(), what), "b.json")


def test_a_report_of_another_command_is_refused_by_what_it_lacks() -> None:
    with pytest.raises(UsageError, match=r"make it again\. It lacks 'methods'\.$"):
        read_comparison({"accuracy": 1}, "tags.json")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(sorted(make_ladder())), inner),
        max_leaves=20,
    )
)
def test_whatever_json_holds_is_read_or_refused(values: Any) -> None:
    with pytest.raises(UsageError):
        read_comparison(json.loads(json.dumps(values)), "b.json")
