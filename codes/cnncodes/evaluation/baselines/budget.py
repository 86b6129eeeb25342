"""A budget of seconds, and what is seen to go beyond it."""

from __future__ import annotations

import math
import time

from cnncodes.estimators.inputs import Progress

#: Seconds, and share of the time that is left, after which it is known how long all will take: what is loaded
#: first takes a while.
_LEAST, _SHARE = 1.0, 0.1


class OutOfTimeError(Exception):
    """That what was begun would take longer than there is time; holds how long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Clock:
    """What is left of a budget."""

    def __init__(self, budget: float | None) -> None:
        self._started = time.perf_counter()
        self._budget = math.inf if budget is None else budget

    @property
    def spent(self) -> float:
        """Seconds since it was made."""
        return time.perf_counter() - self._started

    @property
    def left(self) -> float:
        """Seconds until the budget is spent; infinite without one."""
        return self._budget - self.spent

    def watch(self, progress: Progress | None) -> Progress:
        """Return what stops a description, once it is seen that it would take longer than there is time."""
        begun, left = time.perf_counter(), self.left

        def listen(done: int, total: int, failed: int) -> None:
            if progress is not None:
                progress(done, total, failed)
            elapsed = time.perf_counter() - begun
            needed = elapsed / done * total
            if done < total and elapsed > max(_LEAST, _SHARE * left) and needed > left:
                raise OutOfTimeError(needed)

        return listen
