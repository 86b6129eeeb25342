"""The steps of a graph's forward pass: what each takes and gives, by number, and what can go after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cnncodes.errors import BackboneError
from cnncodes.finetuning.fusing import fuse_nodes
from cnncodes.finetuning.operators.registry import (
    FLOATS,
    TRAINING,
    Node,
    Operation,
    build_operation,
    gives_tuple,
    needed_by,
)

#: Where in the list of values stand what is left out, the type of the floats, and the first that goes in.
NOTHING, TYPE, GIVEN = 0, 1, 2

#: From there on the running statistics stand among the inputs of batch normalisation, or of a convolution
#: with one; their module says whether it trains.
_MEAN = -2


class Step(NamedTuple):
    """One node at work.

    `takes`, `gives` and `frees` are places in the list of values; `many`: that a tuple comes out.
    """

    run: Operation
    takes: tuple[int, ...]
    gives: tuple[int, ...]
    many: bool
    frees: tuple[int, ...]
    node: Node


@dataclass
class Plan:
    """The steps of a forward pass.

    Attributes
    ----------
    start : list
        The values before the first step: None but for what never changes and never moves to a GPU.
    loads : list of tuple
        What is looked up before the first step: the place, the module, and its attribute's name.
    steps : list of Step
    result : int
        The place of what comes out.
    """

    start: list[Any]
    loads: list[tuple[int, Any, str]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    result: int = NOTHING


def make_plan(
    nodes: Sequence[Node],
    given: Sequence[str],
    result: str,
    homes: dict[str, tuple[Any, str]],
    fixed: dict[str, Any],
) -> Plan:
    """Return the steps of a forward pass.

    Parameters
    ----------
    nodes : sequence of Node
    given : sequence of str
        What goes in; it stands from `GIVEN` on, in this order.
    result : str
    homes : dict of str to tuple
        The module and attribute of each weight, statistic and constant.
    fixed : dict of str to Tensor
        Constants that are in no module.

    Raises
    ------
    BackboneError
        If a node takes what nothing before it gives, or an attribute of it cannot be followed.
    """
    plan = Plan([None] * (GIVEN + len(given)))
    places = {"": NOTHING} | {name: place for place, name in enumerate(given, GIVEN)}

    def add(name: str, value: Any = None) -> int:
        plan.start.append(value)
        places[name] = len(plan.start) - 1
        return places[name]

    def load(name: str, owner: Any, attribute: str) -> int:
        if name not in places:
            plan.loads.append((add(name), owner, attribute))
        return places[name]

    def find_mode(statistics: Sequence[str]) -> int:
        """Of computed statistics there is none: they have no module."""
        if not all(name in homes for name in statistics):
            return NOTHING
        owner = homes[statistics[0]][0]
        return load(f"training\n{id(owner)}", owner, "training")  # names of tensors have one line

    for name, tensor in fixed.items():
        add(name, tensor)
    for node in fuse_nodes(nodes, result, homes):
        takes = []
        for name in node.inputs:
            if name not in places and name not in homes:
                raise BackboneError(f"the {node.describe()} takes {name!r}, which nothing before it gives.")
            takes.append(places[name] if name in places else load(name, *homes[name]))
        if needed_by(node) == FLOATS:
            takes.append(TYPE)
        elif needed_by(node) == TRAINING:
            takes.append(find_mode(node.inputs[_MEAN:]))
        gives = tuple(add(name) for name in node.outputs)
        places[""] = NOTHING  # an output that is left out has a place, but not that one
        plan.steps.append(Step(build_operation(node), tuple(takes), gives, gives_tuple(node), (), node))
    plan.result = places[result]
    _free_early(plan)
    return plan


def _free_early(plan: Plan) -> None:
    """Let each step free what no later one takes."""
    seen = {NOTHING, TYPE, plan.result}
    for at in reversed(range(len(plan.steps))):
        step = plan.steps[at]
        last = {*step.takes, *step.gives} - seen
        seen |= last
        plan.steps[at] = step._replace(frees=tuple(sorted(last)))
