"""Whether the processor multiplies 8-bit numbers in one instruction, and what it costs where it does not."""

from __future__ import annotations

import contextlib
import platform
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cnncodes.backbones.running.timing import draw_noise, time_in_turns
from cnncodes.errors import BackboneError, CostWarning

if TYPE_CHECKING:
    from cnncodes.backbones.session import Backbone

#: Where Linux says what the processor has; elsewhere nothing is known, and nothing is warned of.
CPUINFO = Path("/proc/cpuinfo")

#: Dot products of 8-bit numbers: x86, then ARM.
DOT_PRODUCTS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})


#: So much of the time of fp32 counts as clearly faster, and so much as slower: machines' noise is as large.
_FASTER, _SLOWER = 0.9, 1.1


def has_dot_products(cpuinfo: Path | None = None) -> bool | None:
    """Tell whether the processor has 8-bit dot products; None where the system does not say.

    Parameters
    ----------
    cpuinfo : Path, optional
        The file that says so; by default the system's.
    """
    found = list_instructions(cpuinfo)
    return None if found is None else not DOT_PRODUCTS.isdisjoint(found)


def list_instructions(cpuinfo: Path | None = None) -> list[str] | None:
    """Return what the processor has, in the system's words; None where that does not say."""
    found = _read_line(cpuinfo or CPUINFO, ("flags", "Features"))
    return None if found is None else found.split()


def name_processor(cpuinfo: Path | None = None) -> str:
    """Return the processor's model, as far as the system knows it."""
    return _read_line(cpuinfo or CPUINFO, ("model name",)) or platform.processor() or platform.machine()


def _read_line(cpuinfo: Path, names: tuple[str, ...]) -> str | None:
    with contextlib.suppress(OSError), cpuinfo.open(errors="replace") as file:
        for line in file:  # the first of as many processors as there are
            name, _, value = line.partition(":")
            if name.strip() in names:
                return value.strip()
    return None


class Doubt:
    """Whether an int8 network is a gain on this machine: asked once, when it first runs.

    Parameters
    ----------
    backbone : Backbone
    load_full : callable, optional
        Gives the same network in fp32, where that is at hand: both are timed then.
    """

    def __init__(self, backbone: Backbone, load_full: Callable[[], Backbone] | None = None) -> None:
        self._load_full = load_full
        on_cpu = any(provider.is_cpu for provider in backbone.providers)
        is_one = backbone.precision == "int8" and on_cpu and has_dot_products() is False
        #: Lanes run the network at the same time: who takes it out asks.
        self._open = [True] if is_one else []

    def settle(self, backbone: Backbone) -> None:
        """Warn where it is none; only the first call does anything."""
        if not self._open:
            return
        try:
            self._open.pop()
        except IndexError:
            return
        ratio = None
        if self._load_full is not None:
            with contextlib.suppress(BackboneError):  # without it, the cost is said in words
                images = draw_noise(backbone.frame, 2)
                ours, theirs = time_in_turns([backbone, self._load_full()], images, rounds=5, choose=min)
                ratio = ours / theirs
        cost = describe_cost(ratio)
        if cost is not None:
            warnings.warn(
                "this processor has no 8-bit dot products (VNNI), for which the int8 file of"
                f" {backbone.card.name!r} was made: {cost}.",
                CostWarning,
                stacklevel=4,
            )


def describe_cost(ratio: float | None) -> str | None:
    """Return what an int8 network costs without dot products, None where it is clearly faster all the same.

    Parameters
    ----------
    ratio : float or None
        How long it takes, as a multiple of fp32; None where that is not known.

    Examples
    --------
    >>> describe_cost(0.6)
    >>> describe_cost(1.31).partition(".  ")[0][:47]
    'it takes 1.3 times as long as fp32 here. Withou'
    >>> describe_cost(0.96)[:35]
    'it is no faster than fp32 here. Wit'
    """
    if ratio is None:
        return "it may be slower than fp32 here, and its codes are no better"
    if ratio < _FASTER:
        return None
    cost = "is no faster than" if ratio < _SLOWER else f"takes {ratio:.2g} times as long as"
    return (
        f"it {cost} fp32 here. Without --precision int8 (precision='int8') codes"
        " are those of fp32, and as fast; only what goes on with stored codes of int8 needs it"
    )
