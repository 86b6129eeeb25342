"""How many failures are allowed, and what is said of them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.cli import main
from cnncodes.commands.failures import allowed_failures, judge_failures
from cnncodes.commands.reporter import Reporter
from cnncodes.errors import UsageError


@pytest.mark.parametrize(
    ("limit", "allowed"),
    [
        ("1%", 2),
        ("0.5%", 1),
        (0.01, 2),
        ("0.01", 2),
        (3, 3),
        ("3", 3),
        (0, 0),
        ("0%", 0),
        ("100%", 200),
        (1, 1),
    ],
)
def test_limits_of_200(limit: str | int | float, allowed: int) -> None:
    assert allowed_failures(limit, 200) == allowed


@pytest.mark.parametrize("limit", ["", "many", -1, "-1%", "101%", 1.5, "nan", "inf", "nan%", "inf%"])
def test_what_is_no_limit_is_refused(limit: str | int | float) -> None:
    with pytest.raises(UsageError, match="number of images"):
        allowed_failures(limit, 200)


@given(st.floats(0, 100), st.integers(0, 10**6))
def test_a_share_never_allows_more_than_all(share: float, total: int) -> None:
    assert 0 <= allowed_failures(f"{share:f}%", total) <= total


def test_failures_are_named_and_judged() -> None:
    stream = io.StringIO()
    failed = [(f"{i}\n.png", "cannot\nbe read") for i in range(7)]
    assert judge_failures(failed, 100, "1%", Reporter(stream))
    assert not judge_failures(failed, 100, 7, Reporter(io.StringIO()))
    assert not judge_failures([], 100, 0, Reporter(io.StringIO()))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert "7 of 100" in lines[0] and "and 2 more" in lines[0]
    assert "exit status 3" in lines[1]


@pytest.mark.parametrize("limit", ["1.0", 1.0])
def test_one_with_a_point_may_be_one_image_or_all(limit: str | float) -> None:
    with pytest.raises(UsageError, match="write 1 for one image, or 100% for all"):
        allowed_failures(limit, 10)


def test_the_help_says_how_all_are_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["embed", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "or a share as in 1% or 0.01; 100% (not 1.0) allows all" in said
