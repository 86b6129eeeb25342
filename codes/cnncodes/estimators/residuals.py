"""How far heads were off on training images that they had not seen, and the intervals that follow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import SavedModelError, UsageError
from cnncodes.estimators.archive import Archive
from cnncodes.estimators.group_numbers import count_groups, keep_groups, share_groups, unpack_groups
from cnncodes.estimators.npy import read_npy, to_npy

Array = npt.NDArray[Any]

_ERRORS, _GROUPS = "training/residuals.npy", "training/residual_groups.npy"
RESIDUALS_MEMBERS = (_ERRORS, _GROUPS)


@dataclass(frozen=True, eq=False)
class HeldOutResiduals:
    """Absolute errors on training images of heads that had not seen them.

    Parameters
    ----------
    errors : ndarray of float64, shape (n, n_targets)
    groups : ndarray of int32, shape (n,), optional
        Number of each image's group, from 0 on; None where each image is one.
    """

    errors: Array
    groups: Array | None = None

    @classmethod
    def choose(cls, prediction: Array, y: Array, groups: Array) -> HeldOutResiduals:
        """Take the errors of predictions.

        Parameters
        ----------
        prediction, y : ndarray, shape (n_images, n_targets)
        groups : ndarray, shape (n_images,)
        """
        return cls(np.abs(prediction - y), keep_groups(groups))

    @property
    def n_groups(self) -> int:
        """How many groups there are, or images that are one each."""
        return count_groups(self.groups, len(self.errors))

    def find_width(self, coverage: float) -> Array:
        """Return half the width of an interval that holds a share of the truths: shape (n_targets,).

        Of n errors the one of rank ``ceil(coverage * (n + 1))``: a further image's error, were it among
        those of the folds, would be no larger with that probability at least. Of groups, those of one count
        together as one error: the promise is for an image of a further group.

        Parameters
        ----------
        coverage : float
            Between 0 and 1.

        Raises
        ------
        UsageError
            If so much cannot be had from so few images.

        References
        ----------
        V. Vovk, A. Gammerman and G. Shafer, "Algorithmic learning in a random world", 2005; J. Lei et al.,
        "Distribution-free predictive inference for regression", JASA 113, 2018; for what cross-validated
        errors promise R. F. Barber et al., "Predictive inference with the jackknife+", Annals of Statistics
        49, 2021; for groups Y. Lee, R. F. Barber and R. Willett, "Distribution-free inference with
        hierarchical data", arXiv 2306.06342, 2023.

        Examples
        --------
        >>> HeldOutResiduals(np.arange(1.0, 10.0)[:, None]).find_width(0.8)
        array([8.])
        """
        check_coverage(coverage)
        n = self.n_groups
        least = coverage * (n + 1) - 1e-9
        if least > n:
            scale = 10 ** max(3, len(str(n)))
            most = n * scale // (n + 1) / scale  # rounded up it could not be had
            raise UsageError(
                f"an interval that holds {coverage:g} of the truths takes at least"
                f" {math.ceil(coverage / (1 - coverage) - 1e-9)} held-out training images (or groups); there"
                f" are {n}. At most {most:.12g} can be asked for."
            )
        order = self.errors.argsort(axis=0)
        counted = share_groups(self.groups, len(self.errors))[order].cumsum(axis=0)
        ranks = (counted < least - 1e-9).sum(axis=0)
        return np.asarray(np.take_along_axis(self.errors, order, axis=0)[ranks, np.arange(len(ranks))])

    def pack(self) -> dict[str, bytes]:
        """Return the members of a saved file that hold them: 8 bytes an image and target, and 4 a group's."""
        groups = {} if self.groups is None else {_GROUPS: to_npy(self.groups)}
        return {_ERRORS: to_npy(self.errors), **groups}


def check_coverage(coverage: Any) -> None:
    """Raise `UsageError` unless it is a number between 0 and 1."""
    number = isinstance(coverage, int | float | np.floating) and not isinstance(coverage, bool)
    if not number or not 0 < coverage < 1:
        raise UsageError(f"coverage must be a number between 0 and 1. Got {coverage!r} instead.")


def unpack_residuals(archive: Archive, n_targets: int) -> HeldOutResiduals | None:
    """Read these members; None where there are none.

    Raises
    ------
    SavedModelError
        If they hold anything but errors of so many targets, and groups.
    """
    if not any(member in archive.sizes for member in RESIDUALS_MEMBERS):
        return None
    errors = read_npy(archive, _ERRORS)
    fits = errors.dtype == np.float64 and errors.ndim == 2 and errors.shape[1] == n_targets and len(errors)
    if not fits or not (errors >= 0).all() or not np.isfinite(errors).all():
        raise SavedModelError(
            f"{archive.name} is damaged at {_ERRORS!r}: it must hold finite float64 errors of {n_targets}"
            f" targets. Got {errors.dtype} of shape {errors.shape}."
        )
    return HeldOutResiduals(errors, unpack_groups(archive, _GROUPS, len(errors)))
