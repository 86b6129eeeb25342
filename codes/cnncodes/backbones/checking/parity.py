"""Parity: whether two networks give the same codes, and controls that show the check can fail.

Codes of natural images share a large mean; a cosine of raw codes is near 1 even between wrong ones.
So the mean code is subtracted first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import BackboneError, UsageError

MAX_RELATIVE_ERROR = 1e-3
MIN_COSINE = 0.9999
MIN_IMAGES = 16

#: How far codes must lie from their mean, as a share of their length: nearer, rounding would decide.
MIN_SPREAD = 1e-4

#: By what the channels' standard deviations are multiplied to feed a network wrongly, in its own order. They
#: differ: one for all has no effect where the first layer has no bias and a norm of each image follows it.
WRONG_STD = (0.9, 0.905, 0.91)

Codes = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Parity:
    """How closely codes match a reference.

    Attributes
    ----------
    images : int
        How many there are that differ: one photo many times proves nothing.
    relative_error : float
        Norm of the difference over the norm of the reference, both without the mean code; the worst image.
    cosine : float
        Cosine of the codes without the mean code; the worst image.
    """

    images: int
    relative_error: float
    cosine: float

    @property
    def holds(self) -> bool:
        """Whether this counts as the same network."""
        return (
            self.images >= MIN_IMAGES
            and self.relative_error <= MAX_RELATIVE_ERROR
            and self.cosine >= MIN_COSINE
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return asdict(self)


def compare_codes(codes: Codes, reference: Codes) -> Parity:
    """Compare codes with a reference, image by image.

    Parameters
    ----------
    codes, reference : ndarray of float, shape (n_images, code_size)

    Returns
    -------
    Parity
        Its figures are nan where the codes are not finite, or the reference has one code for all images.

    Raises
    ------
    UsageError
        If the two are not matrices of one shape.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(size=(20, 8))
    >>> compare_codes(codes * (1 + 1e-5), codes).holds, compare_codes(codes[::-1], codes).holds
    (True, False)
    """
    if codes.ndim != 2 or codes.shape != reference.shape or len(codes) == 0:
        raise UsageError(
            f"codes and reference must be matrices of one shape. Got {codes.shape} and {reference.shape}."
        )
    mean = reference.mean(axis=0, dtype=np.float64)
    ours, theirs = codes - mean, reference - mean
    norms = np.linalg.norm(theirs, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a nan fails every comparison
        errors = np.linalg.norm(ours - theirs, axis=1) / norms
        cosines = (ours * theirs).sum(axis=1) / (np.linalg.norm(ours, axis=1) * norms)
    return Parity(len(np.unique(reference, axis=0)), float(errors.max()), float(cosines.min()))


def compare_each(codes: Codes, reference: Codes) -> npt.NDArray[np.float64]:
    """Return the cosine of each code with its reference, without the mean code; shape (n_images,).

    A code without direction counts as 1 where the two are equal, else as 0.
    """
    mean = reference.mean(axis=0, dtype=np.float64)
    ours, theirs = codes - mean, reference - mean
    norms = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines: npt.NDArray[np.float64] = np.clip((ours * theirs).sum(axis=1) / norms, -1.0, 1.0)
    cosines[norms == 0] = (ours == theirs).all(axis=1)[norms == 0]
    return cosines


def compare_with_original(codes: Codes, reference: Codes, controls: Mapping[str, Codes]) -> Parity:
    """Compare codes with the original's, and make sure that the comparison could have failed.

    Parameters
    ----------
    codes, reference : ndarray of float, shape (n_images, code_size)
    controls : mapping of str to ndarray
        Codes of the original when it is fed in a wrong way, by what is wrong.

    Raises
    ------
    BackboneError
        If the original's codes hardly depend on the image, the codes differ, or a control does not.
    """
    check_spread(reference)
    parity = compare_codes(codes, reference)
    if not parity.holds:
        raise BackboneError(
            f"its codes are not those of the original: on {parity.images} different images the worst relative"
            f" error is {parity.relative_error:.2g} and the worst cosine {parity.cosine:.6f}, where"
            f" {MAX_RELATIVE_ERROR:g} and {MIN_COSINE} are the bounds"
        )
    for name, wrong in controls.items():
        if compare_codes(codes, wrong).holds:
            raise BackboneError(f"the comparison does not notice {name}: it proves nothing")
    return parity


def measure_spread(codes: Codes) -> float:
    """Return how far codes lie from their mean, the nearest one, as a share of the longest's length.

    Examples
    --------
    >>> measure_spread(np.array([[1.0, 0.0], [1.0, 0.0]]))
    0.0
    """
    lengths = np.linalg.norm(codes.astype(np.float64), axis=1)
    distances = np.linalg.norm(codes - codes.mean(axis=0, dtype=np.float64), axis=1)
    return float(distances.min() / lengths.max()) if lengths.max() > 0 else 0.0


def check_spread(codes: Codes) -> None:
    """Raise unless codes of different images differ by far more than rounding does."""
    spread = measure_spread(codes)
    if not spread >= MIN_SPREAD:
        raise BackboneError(
            f"the codes hardly depend on the image: they lie {spread:.1g} of their length from their mean,"
            f" and {MIN_SPREAD:g} is the least that can be compared; the weights may be untrained or damaged"
        )
