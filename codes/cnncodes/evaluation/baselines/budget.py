"""A budget of seconds, and what is seen to go beyond it."""

from __future__ import annotations

import math
import time

from cnncodes.estimators.inputs import Progress

#: Images, seconds, and share of the time that is left, after the first images, which tell how long all will
#: take. The first ones come late and many at once: their network is loaded, and their batch is whole.
_IMAGES, _SECONDS, _SHARE = 32, 2.0, 0.1
#: The same of a guess that is rough, and how much of the time that is left it must be to be believed.
_SOON_IMAGES, _SOON_SECONDS, _SOON_SHARE, _FAR = 8, 0.5, 0.025, 1.5
#: Share of the time that is left after which fewer images must do. Not those of one batch, done at once.
_LONG = 0.5
#: Share of the budget by which it may be gone beyond, for what is nearer to its end than to its beginning.
_BEYOND = 0.04


class OutOfTimeError(Exception):
    """That what was begun would take longer than there is time; holds how long, NaN where none was left."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        if math.isnan(self.seconds):
            return "no time was left"
        return f"it would have taken about {self.seconds:,.0f} s, and less was left"


class Clock:
    """What is left of a budget, which began at a time of `time.perf_counter`, or begins now."""

    def __init__(self, budget: float | None, began: float | None = None) -> None:
        self._started = time.perf_counter() if began is None else began
        self._budget = math.inf if budget is None else budget

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.perf_counter() - self._started

    @property
    def left(self) -> float:
        """Seconds until the budget is spent; infinite without one."""
        return self._budget - self.spent

    @property
    def left_to_end(self) -> float:
        """Seconds for what is nearly done: somewhat more, since to give it up would waste what it took."""
        return self.left + _BEYOND * self._budget

    def watch(self, progress: Progress | None) -> Progress:
        """Return what stops a description, once it is seen that it would take longer than there is time."""
        begun, left, most = time.perf_counter(), self.left, self.left_to_end
        first: list[tuple[float, int]] = []

        def listen(done: int, total: int, failed: int) -> None:
            if progress is not None:
                progress(done, total, failed)
            elapsed = time.perf_counter() - begun
            if not first:
                first.append((elapsed, done))
            needed = _foresee(first[0], (elapsed, done), total, left)
            is_nearly_done = needed - elapsed < elapsed
            end = most if is_nearly_done else left
            if done < total and (needed > end or elapsed > end):
                raise OutOfTimeError(needed)

        return listen


def _foresee(first: tuple[float, int], now: tuple[float, int], total: int, left: float) -> float:
    """Return the seconds that all will take, by the pace since the first images; NaN while none is known."""
    seconds, images = now[0] - first[0], now[1] - first[1]
    share = _SHARE * left
    late = now[0] > _LONG * left and seconds >= min(_SECONDS, share)
    enough = late or (images >= _IMAGES and seconds >= max(_SECONDS, share))
    soon = images >= _SOON_IMAGES and seconds >= max(_SOON_SECONDS, _SOON_SHARE * left)
    if not (images and (enough or soon)):
        return math.nan
    needed = now[0] + (total - now[1]) * seconds / images
    return needed if enough or needed > _FAR * left else math.nan
