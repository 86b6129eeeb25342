"""Whether there is time for what comes next, by what has taken how long."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.evaluation.baselines.budget import Clock, OutOfTimeError
from cnncodes.evaluation.baselines.describing import CnnCodes, Description

Places = npt.NDArray[np.int64]

#: What an estimate of a fit is multiplied by, since going over the budget is worse than leaving one out.
CAUTION = 1.3

#: More views take less than so many times as long as fewer: an image is read once, and equal views run once.
_OPTIMISM = 0.5

#: Rows from which on a fit of some is timed first, and of how many.
_MANY_ROWS, _SOME_ROWS = 1_000, 300

#: How the time of a fit grows with its rows, where that is faster than they do.
_POWERS = {"rbf-svm": 2.0, "kernel-ridge": 2.0, "auto": 2.0}


def check_views(
    description: Description,
    described: Mapping[Description, float],
    given_up: Mapping[Description, float],
    left: float,
) -> None:
    """Raise where these or fewer views of the same network took so long that these have no chance.

    Parameters
    ----------
    description : Description
    described, given_up : mapping of Description to float
        Seconds that others took, and those that would have been needed for what there was no time for.
    left : float
        Seconds.

    Raises
    ------
    OutOfTimeError
    """
    if description in given_up:
        raise OutOfTimeError(given_up[description])
    if not isinstance(description, CnnCodes):
        return
    for other, seconds in {**described, **given_up}.items():
        if isinstance(other, CnnCodes) and other.is_of_the_same_network(description):
            more = description.count_views() / other.count_views()
            hopeless = other in given_up and more >= 1
            if hopeless or _OPTIMISM * seconds * more > left:
                raise OutOfTimeError(seconds * more)


def check_fit(
    head: str,
    strata: npt.NDArray[Any],
    n_rows: int,
    fit: Callable[[Places], object],
    clock: Clock,
    random_state: int,
) -> None:
    """Raise where a fit would take longer than there is time, by the time that a part of it takes.

    Parameters
    ----------
    head : str
    strata : array of shape (n_images,)
        Of which each has its share of the part.
    n_rows : int
        Of all images.
    fit : callable
        Fits the head to the images of some places.
    clock : Clock
    random_state : int

    Raises
    ------
    OutOfTimeError
    """
    if math.isinf(clock.left) or n_rows < _MANY_ROWS:
        return
    some = _draw(strata, len(strata) * _SOME_ROWS // n_rows, random_state)
    begun = time.perf_counter()
    fit(some)
    growth = (len(strata) / len(some)) ** _POWERS.get(head, 1.0)
    needed = CAUTION * (time.perf_counter() - begun) * growth
    if needed > clock.left_to_end:
        raise OutOfTimeError(needed)


def _draw(strata: npt.NDArray[Any], count: int, random_state: int) -> Places:
    """Return about so many places, at least three of each stratum where there are as many."""
    rng = np.random.default_rng(random_state)
    chosen = []
    for stratum in np.unique(strata):
        places = np.flatnonzero(strata == stratum)
        share = max(3, round(count * len(places) / len(strata)))
        chosen.append(rng.permutation(places)[:share])
    return np.sort(np.concatenate(chosen))
