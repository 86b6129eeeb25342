"""Parity of picked layers: their codes against what the original gives within, where that can be found.

A graph's layers have other names than an original's, so what belongs together is found by its values on the
photos. Where nothing within the original is a layer's codes, there is nothing to compare them with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from cnncodes.backbones.checking.parity import Codes, Parity, compare_codes, compare_with_original
from cnncodes.backbones.exporting.references import Images, Reference, feed_wrongly
from cnncodes.backbones.graphs.picks import OWN, Pick
from cnncodes.errors import BackboneError


@dataclass(frozen=True)
class Within:
    """What an original gives within, pooled, by where that is.

    Attributes
    ----------
    codes : dict of str to ndarray, shape (n_images, channels)
    controls : dict of str to dict
        The same when it is fed in a wrong way, by what is wrong.
    """

    codes: dict[str, Codes]
    controls: dict[str, dict[str, Codes]]


def look_within(
    reference: Reference, photos: Images, pick: Pick, own: Codes, own_controls: Mapping[str, Codes]
) -> Within:
    """Run an original on photos and keep what it gives within, beside its own codes."""
    observe = partial(reference.observe, pick=pick)
    controls = feed_wrongly(observe, photos)
    return Within(
        {**observe(photos), OWN: own},
        {wrong: {**seen, OWN: own_controls[wrong]} for wrong, seen in controls.items()},
    )


def compare_layers(codes: Codes, sizes: Sequence[int], within: Within) -> Parity | None:
    """Compare codes of picked layers with the original's, layer by layer; None where one is not found there.

    Parameters
    ----------
    codes : ndarray of float, shape (n_images, code_size)
    sizes : sequence of int
        Length of each layer's part, in their order.
    within : Within
    """
    found = find_layers(codes, sizes, within)
    try:
        return None if found is None else compare_with_original(codes, *found)
    except BackboneError:  # an early layer may not notice what is wrong: that proves nothing
        return None


def find_layers(codes: Codes, sizes: Sequence[int], within: Within) -> tuple[Codes, dict[str, Codes]] | None:
    """Return what the original gives for picked layers, and when it is fed wrongly; see `compare_layers`."""
    parts = np.split(codes, np.cumsum(sizes)[:-1], axis=1)
    found = [_find(part, within.codes) for part in parts]
    names = [name for name in found if name is not None]
    if len(names) < len(found):
        return None

    def join(seen: Mapping[str, Codes]) -> Codes:
        return np.concatenate([seen[name] for name in names], axis=1)

    return join(within.codes), {wrong: join(seen) for wrong, seen in within.controls.items()}


def _find(codes: Codes, within: Mapping[str, Codes]) -> str | None:
    """Return where the original gives these codes, the nearest."""
    fitting = {name: seen for name, seen in within.items() if seen.shape == codes.shape}
    compared = {name: compare_codes(codes, seen) for name, seen in fitting.items()}
    holding = {name: parity.relative_error for name, parity in compared.items() if parity.holds}
    return min(holding, key=holding.__getitem__, default=None)
