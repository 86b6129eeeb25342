"""Choosing whole units, such as the images of one group, that together have a share of each class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import count, percent

Array = npt.NDArray[Any]

#: So many numbers are compared at most to exchange one unit for another; of more units some few always fit.
_MOST_EXCHANGES = 2_000_000
_LEAST_GAIN = 1e-9
#: A share is far from another that is so many times as large.
_FAR = 1.5
#: Classes that are named.
_SHOWN = 3


def choose_share(units: Mapping[str, Mapping[str, int]], share: float) -> set[str]:
    """Return the names of units that come nearest to a share of each class.

    First come, in order of their names, all that fit without exceeding the share of any class; then
    whatever brings the classes nearer to it when added, left out or exchanged for another. Near is a sum
    over classes: of the deviation from the share, and of 1 for a class that has none though it could. Of
    each class one unit at least is not chosen.

    Parameters
    ----------
    units : mapping
        Of each unit, its number of images of each class.
    share : float
        Of each class's images, above 0 and below 1.

    Examples
    --------
    >>> cameras = {name: {"cat": 10, "dog": 5} for name in "abcd"}
    >>> sorted(choose_share(cameras, 0.5))
    ['a', 'b']
    >>> sorted(choose_share({**cameras, "a": {"cat": 100, "dog": 50}}, 0.2))
    ['b', 'c', 'd']
    """
    names = sorted(units)
    classes = {label: i for i, label in enumerate(sorted({label for of in units.values() for label in of}))}
    pairs = [
        (i, classes[label], n) for i, name in enumerate(names) for label, n in sorted(units[name].items())
    ]
    if not pairs:
        return set()
    search = _Search(np.array(pairs, np.int64), share)
    search.fill()
    while search.improve():
        pass
    return {names[i] for i in np.flatnonzero(search.chosen)}


def is_far(held: int, total: int, share: float) -> bool:
    """Say whether a number of images is far more, or far fewer, than the share of all that was asked for.

    Examples
    --------
    >>> is_far(50, 200, 0.2), is_far(50, 200, 0.1), is_far(1, 2, 0.2)
    (False, True, False)
    """
    reached = held / total
    return abs(held - share * total) >= 1 and max(reached, share) >= _FAR * min(reached, share)


def describe_share(
    train: Iterable[str | None], held: Iterable[str | None], share: float, purpose: str = ""
) -> str:
    """Say where far more, or fewer, images are held out than was asked for: of all, or of some classes.

    Parameters
    ----------
    train, held : iterable of str or None
        The class of each image that is trained on, and that is held out; None where there are none.
    share : float
        What was asked for.
    purpose : str
        What they are held out for, after a space.

    Examples
    --------
    >>> describe_share("aabb", "ab", 0.3), describe_share("aabb", "ab", 0.1)
    ('', '2 of 6 images, 33%, are held out, and not 10%')
    >>> describe_share(["a"] * 40 + ["b"] * 30, ["a"] * 10, 0.15)
    "of 1 class another share than 15% is held out: 0 of 30 images of 'b'"
    """
    tested, totals = Counter(held), Counter(train)
    totals.update(tested)
    n_held, n_all = tested.total(), totals.total()
    reached, is_other = n_held / n_all, is_far(n_held, n_all, share)
    usual = reached if is_other else share
    far = [label for label, n in totals.items() if is_far(tested[label], n, usual)]
    far.sort(key=lambda label: (-abs(tested[label] - usual * totals[label]), str(label)))
    named = ", ".join(f"{tested[label]:,} of {totals[label]:,} images of {label!r}" for label in far[:_SHOWN])
    if len(far) > _SHOWN:
        named += f" and others of {count(len(far) - _SHOWN, 'class', 'classes')}"
    if is_other:
        text = f"{n_held:,} of {n_all:,} images, {percent(reached)}, are held out{purpose}, and not"
        return f"{text} {percent(share)}" + (f" ({named})" if far else "")
    classes = count(len(far), "class", "classes")
    return f"of {classes} another share than {percent(share)} is held out{purpose}: {named}" if far else ""


class _Search:
    """What is chosen so far, and how far it is from the share."""

    def __init__(self, pairs: Array, share: float) -> None:
        self._unit, self._class, self._count = pairs.T
        self.chosen = np.zeros(self._unit[-1] + 1, np.bool_)
        self._totals = np.bincount(self._class, self._count)
        #: Units of each class that are not chosen.
        self._left = np.bincount(self._class)
        self._divisible = self._left > 1
        self._wanted = np.where(self._divisible, np.maximum(1, np.rint(share * self._totals)), 0)
        self._taken: Array = np.zeros(len(self._totals))

    def fill(self) -> None:
        """Choose in order what fits."""
        starts = np.flatnonzero(np.diff(self._unit, prepend=-1)).tolist()
        room, left = (self._wanted - self._taken).tolist(), self._left.tolist()
        classes, counts = self._class.tolist(), self._count.tolist()
        for unit, (start, end) in enumerate(zip(starts, [*starts[1:], len(counts)], strict=True)):
            own = range(start, end)
            if all(counts[i] <= room[classes[i]] and left[classes[i]] > 1 for i in own):
                self.chosen[unit] = True
                for i in own:
                    room[classes[i]] -= counts[i]
                    left[classes[i]] -= 1
        self._count_again()

    def improve(self) -> bool:
        """Add, leave out or exchange what brings the classes nearest; say whether anything does."""
        best: tuple[float, tuple[int, ...]] = (-_LEAST_GAIN, ())
        for change in self._list_changes():
            best = min(best, change)
            if best[1] and len(best[1]) < 2:
                break  # no exchange is looked for where less does it
        for unit in best[1]:
            self.chosen[unit] = not self.chosen[unit]
        self._count_again()
        return bool(best[1])

    def _list_changes(self) -> Iterator[tuple[float, tuple[int, ...]]]:
        """Give changes of the deviation with the units that make it, the best of each kind."""
        sign = np.where(self.chosen[self._unit], -1, 1)
        now = self._deviate(self._taken)
        after = self._deviate(self._taken[self._class] + sign * self._count, self._class)
        change = np.bincount(self._unit, after - now[self._class])
        change[self._unit[(sign > 0) & (self._left[self._class] < 2)]] = np.inf
        unit = int(change.argmin())
        yield float(change[unit]), (unit,)
        inside, outside = np.flatnonzero(self.chosen), np.flatnonzero(~self.chosen)
        if len(inside) * len(outside) * len(now) > _MOST_EXCHANGES or not len(outside):
            return
        table = np.zeros((len(self.chosen), len(now)))
        table[self._unit, self._class] = self._count
        joining = table[outside]
        for unit in inside.tolist():
            left = self._left + (table[unit] > 0)
            after = self._deviate(self._taken - table[unit] + joining).sum(axis=1)
            after[((joining > 0) & (left < 2)).any(axis=1)] = np.inf
            other = int(after.argmin())
            yield float(after[other] - now.sum()), (unit, int(outside[other]))

    def _deviate(self, taken: Array, classes: Any = slice(None)) -> Array:
        """Return how far from the wanted numbers of images others are, by class."""
        far = np.abs(taken - self._wanted[classes]) / self._totals[classes]
        return np.asarray(far + (self._divisible[classes] & (taken == 0)))

    def _count_again(self) -> None:
        kept = self.chosen[self._unit]
        self._taken = np.bincount(self._class[kept], self._count[kept], len(self._totals))
        self._left = np.bincount(self._class[~kept], minlength=len(self._totals))
