"""When a fold may leave out the rest of its grid: its held-out loss has risen beyond doubt.

A setting that one fold has not reached is out for all, and the folds' best differ: of a dozen images by much.
Beyond a least loss it falls no more (none of 794 folds had a second valley of as much as 2 %: classes of
clothes, 30 to 3,000 images of them, even and uneven classes, and labels at random among them). On these no
search took another setting than the whole grid gives, and of 73 searches of labels (25 to 250 images) none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from cnncodes.heads.one_error import standard_error

Array = npt.NDArray[Any]

#: It has risen where it is above the least by this share of it, and by chance so rarely: two standard errors.
_NOTICEABLE, _SURE = 0.02, 0.97725
#: Of fewer groups nothing is beyond doubt, and to fit few images takes no time.
_FEW = 10


class Rise:
    """Watches the losses of the same images, from one setting to the next.

    Parameters
    ----------
    weight : float ``[m]``
        Of each image.
    groups : int ``[m]``
        Which hang together.

    Examples
    --------
    >>> rise = Rise(np.ones(20), np.arange(20))
    >>> [rise.has_begun(np.full(20, loss)) for loss in (0.9, 0.5, 0.505, 0.8)]
    [False, False, False, True]
    """

    def __init__(self, weight: Array, groups: Array) -> None:
        self._weight, self._groups = weight, groups
        count = len(np.unique(groups))
        self._errors = float(stdtrit(count - 1, _SURE)) if count >= _FEW else np.inf
        self._least, self._lowest = np.inf, np.empty(0)

    def has_begun(self, losses: Array) -> bool:
        """Take each image's loss with the next setting, ``[m]``, and say whether they have risen."""
        mean = float(np.average(losses, weights=self._weight))
        if mean < self._least:
            self._least, self._lowest = mean, losses
            return False
        if mean - self._least <= _NOTICEABLE * self._least or self._errors == np.inf:
            return False
        error = standard_error(losses - self._lowest, self._weight, self._groups)
        return mean - self._least > self._errors * error
