"""Whether an int8 network is a gain on a processor without 8-bit dot products: found when it first runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cnncodes.backbones.running.instructions import has_dot_products
from cnncodes.backbones.running.timing import Network, draw_noise, time_in_turns
from cnncodes.errors import BackboneError, CostWarning, warn

if TYPE_CHECKING:
    from cnncodes.backbones.card import Card
    from cnncodes.backbones.running.providers import Provider

#: So much of the time of fp32 counts as clearly faster, and so much as slower: machines' noise is as large.
_FASTER, _SLOWER = 0.9, 1.1


class Doubt:
    """Whether an int8 network is a gain on this machine: asked once, when it first runs.

    Parameters
    ----------
    card : Card
    providers : sequence of Provider
        Of the network's session.
    load_full : callable, optional
        Gives the same network in fp32, where that is at hand: both are timed then.
    """

    def __init__(
        self, card: Card, providers: Sequence[Provider], load_full: Callable[[], Network] | None = None
    ) -> None:
        self._card = card
        self._load_full = load_full
        on_cpu = any(provider.is_cpu for provider in providers)
        is_one = card.precision == "int8" and on_cpu and has_dot_products() is False
        #: Lanes run the network at the same time: who takes it out asks.
        self._open = [True] if is_one else []

    def settle(self, network: Network) -> None:
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
                images = draw_noise(self._card.frame, 2)
                ours, theirs = time_in_turns([network, self._load_full()], images, rounds=5, choose=min)
                ratio = ours / theirs
        cost = describe_cost(ratio)
        if cost is not None:
            warn(
                "this processor has no 8-bit dot products (VNNI), for which the int8 file of"
                f" {self._card.name!r} was made: {cost}.",
                CostWarning,
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
