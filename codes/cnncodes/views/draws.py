"""Random numbers that depend on what they are for, and on nothing else.

Each number has a name (``"rotation"``) and is a hash of that name, the plan's `random_state`, the
image's content and the view's number. So a view is the same in whatever order, batch, thread, process
or version of NumPy it is made, and one more augmentation in a plan leaves the draws of the others as
they were, which pairs comparisons of plans.
"""

from __future__ import annotations

import hashlib
from statistics import NormalDist

_NORMAL = NormalDist()


class Draws:
    """The random numbers of one view of one image.

    Parameters
    ----------
    random_state : int
    content : str
        Hash of the image's content.
    view : int
        The view's number among the random ones.

    Examples
    --------
    >>> Draws(0, "00ff", 1).uniform("rotation", -1, 1) == Draws(0, "00ff", 1).uniform("rotation", -1, 1)
    True
    """

    def __init__(self, random_state: int, content: str, view: int) -> None:
        self._prefix = hashlib.blake2b(f"{random_state}\n{content}\n{view}\n".encode(), digest_size=8)

    def unit(self, name: str) -> float:
        """Return a number between 0 and 1, both excluded."""
        state = self._prefix.copy()
        state.update(name.encode())
        return ((int.from_bytes(state.digest(), "big") >> 11) + 0.5) * 2.0**-53

    def uniform(self, name: str, low: float, high: float) -> float:
        """Return a number between two others."""
        return low + (high - low) * self.unit(name)

    def whole(self, name: str, low: int, high: int) -> int:
        """Return a whole number between two others, both included."""
        return min(high, low + int((high - low + 1) * self.unit(name)))

    def chance(self, name: str, probability: float) -> bool:
        """Return whether what has this probability happens."""
        return self.unit(name) < probability

    def normal(self, name: str, std: float) -> float:
        """Return a number from the normal distribution with mean 0."""
        return std * _NORMAL.inv_cdf(self.unit(name))
