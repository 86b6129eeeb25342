"""Which methods are tried, and in which order."""

from __future__ import annotations

import pytest

from cnncodes.errors import UnknownBackbone, UsageError
from cnncodes.evaluation.baselines.methods import GROUPS, TRIVIAL, list_methods, order_backbones
from cnncodes.heads.names import BY_COST

NET = "efficientnet-lite0"


def test_the_cheapest_come_first_and_every_kind_is_there() -> None:
    methods = list_methods([NET])
    groups = [method.group for method in methods]
    assert set(groups) == set(GROUPS) - {"backbones"} - (set(TRIVIAL) - {"majority"})
    assert groups[:5] == ["majority", "pixels", "shapes", "int8", "codes"] and groups[-1] == "views"
    assert methods[0].title == "majority class"
    assert [method.head for method in methods if method.group == "heads"] == [
        kind for kind in BY_COST if kind != "logistic"
    ]


def test_no_method_is_there_twice() -> None:
    methods = list_methods([NET])
    assert len({method.title for method in methods}) == len(methods)


def test_heads_alone_have_logistic_too() -> None:
    assert [method.head for method in list_methods([NET], ["heads"])] == list(BY_COST)


def test_further_networks_have_a_method_each() -> None:
    [method] = [m for m in list_methods([NET, NET], ["backbones"])]
    assert method.title == f"codes of {NET}, flip: logistic"


def test_what_is_unknown_is_said() -> None:
    with pytest.raises(UsageError, match="unknown kind of methods 'pixel'. Did you mean 'pixels'"):
        list_methods([NET], ["pixel"])
    with pytest.raises(UnknownBackbone, match="unknown backbone 'nix'"):
        list_methods(["nix"])
    with pytest.raises(UsageError, match="at least one backbone"):
        list_methods([])


def test_the_one_that_comes_along_is_the_first() -> None:
    assert order_backbones()[0] == NET
