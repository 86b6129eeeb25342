"""How far heads were off on training images that they had not seen, and the intervals that follow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import SavedModelError, UsageError
from cnncodes.estimators.answers import draw_one_each
from cnncodes.estimators.archive import Archive
from cnncodes.estimators.npy import read_npy, to_npy

Array = npt.NDArray[Any]

RESIDUALS_MEMBER = "training/residuals.npy"


@dataclass(frozen=True, eq=False)
class HeldOutResiduals:
    """Absolute errors on training images of heads that had not seen them, one image for each group.

    Parameters
    ----------
    errors : ndarray of float64, shape (n, n_targets)
        Each column in rising order.
    """

    errors: Array

    @classmethod
    def choose(cls, prediction: Array, y: Array, groups: Array) -> HeldOutResiduals:
        """Take one image of each group at random, since those of a group are not independent.

        Parameters
        ----------
        prediction, y : ndarray, shape (n_images, n_targets)
        groups : ndarray, shape (n_images,)
        """
        first = draw_one_each(groups)
        return cls(np.sort(np.abs(prediction[first] - y[first]), axis=0))

    def find_width(self, coverage: float) -> Array:
        """Return half the width of an interval that holds a share of the truths: shape (n_targets,).

        Of n errors the one of rank ``ceil(coverage * (n + 1))``: a further image's error, were it among
        those of the folds, would be no larger with that probability at least.

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
        49, 2021.

        Examples
        --------
        >>> HeldOutResiduals(np.arange(1.0, 10.0)[:, None]).find_width(0.8)
        array([8.])
        """
        check_coverage(coverage)
        n = len(self.errors)
        rank = math.ceil(coverage * (n + 1) - 1e-9)
        if rank > n:
            scale = 10 ** max(3, len(str(n)))
            most = n * scale // (n + 1) / scale  # rounded up it could not be had
            raise UsageError(
                f"an interval that holds {coverage:g} of the truths takes at least"
                f" {math.ceil(coverage / (1 - coverage) - 1e-9)} held-out training images (or groups); there"
                f" are {n}. At most {most:.12g} can be asked for."
            )
        return np.asarray(self.errors[rank - 1])

    def pack(self) -> dict[str, bytes]:
        """Return the member of a saved file that holds them: 8 bytes an image and target."""
        return {RESIDUALS_MEMBER: to_npy(self.errors)}


def check_coverage(coverage: Any) -> None:
    """Raise `UsageError` unless it is a number between 0 and 1."""
    number = isinstance(coverage, int | float | np.floating) and not isinstance(coverage, bool)
    if not number or not 0 < coverage < 1:
        raise UsageError(f"coverage must be a number between 0 and 1. Got {coverage!r} instead.")


def unpack_residuals(archive: Archive, n_targets: int) -> HeldOutResiduals | None:
    """Read that member; None where there is none.

    Raises
    ------
    SavedModelError
        If it holds anything but errors of so many targets in rising order.
    """
    if RESIDUALS_MEMBER not in archive.sizes:
        return None
    errors = read_npy(archive, RESIDUALS_MEMBER)
    fits = errors.dtype == np.float64 and errors.ndim == 2 and errors.shape[1] == n_targets and len(errors)
    if (
        not fits
        or not (errors >= 0).all()
        or not np.isfinite(errors).all()
        or (np.diff(errors, axis=0) < 0).any()
    ):
        raise SavedModelError(
            f"{archive.name} is damaged at {RESIDUALS_MEMBER!r}: it must hold float64 errors of {n_targets}"
            f" targets in rising order. Got {errors.dtype} of shape {errors.shape}."
        )
    return HeldOutResiduals(errors)
