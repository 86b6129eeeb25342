"""Whether the processor multiplies 8-bit numbers in one instruction, and what it costs where it does not."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from cnncodes.backbones.running.timing import draw_noise, time_in_turns

if TYPE_CHECKING:
    from cnncodes.backbones.session import Backbone

#: Where Linux says what the processor has; elsewhere nothing is known, and nothing is warned of.
CPUINFO = Path("/proc/cpuinfo")

#: Dot products of 8-bit numbers: x86, then ARM.
DOT_PRODUCTS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})


def has_dot_products(cpuinfo: Path | None = None) -> bool | None:
    """Tell whether the processor has 8-bit dot products; None where the system does not say.

    Parameters
    ----------
    cpuinfo : Path, optional
        The file that says so; by default the system's.
    """
    try:
        lines = (cpuinfo or CPUINFO).read_text(errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return not DOT_PRODUCTS.isdisjoint(value.split())
    return None


def warn_of_cost(backbone: Backbone, full: Backbone | None = None) -> None:
    """Warn, once, where an int8 network runs on a processor without 8-bit dot products.

    Parameters
    ----------
    backbone : Backbone
    full : Backbone, optional
        The same network in fp32, where it is at hand: both are timed, and the warning says what it costs.
    """
    on_cpu = any(provider.is_cpu for provider in backbone.providers)
    if backbone.precision != "int8" or not on_cpu or has_dot_products() is not False:
        return
    cost = "it may be slower than fp32 there, and its codes are no better"
    if full is not None:
        images = draw_noise(backbone.frame, 8)
        ours, theirs = time_in_turns([backbone, full], images, rounds=1)
        cost = f"it takes {ours / theirs:.2g} times as long as fp32 here, on a batch of {len(images)}"
    warnings.warn(
        f"this processor has no 8-bit dot products (VNNI), for which the int8 file of {backbone.card.name!r}"
        f" was made: {cost}.",
        stacklevel=3,
    )
