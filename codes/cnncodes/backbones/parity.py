"""Parity: whether two networks give the same codes, and controls that show the check can fail.

Codes of natural images share a large mean; a cosine of raw codes is near 1 even between wrong ones.
So the mean code is subtracted first.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError

MAX_RELATIVE_ERROR = 1e-3
MIN_COSINE = 0.9999
MIN_IMAGES = 16

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


def run_original(net: Any, images: npt.NDArray[np.uint8], features: str, mean: float, std: float) -> Codes:
    """Return the codes of the original torch network: the mean of its last feature map.

    Written here once more, apart from the export's own wrapper: a fault in one must show in the other.
    """
    import torch

    with torch.inference_mode():
        pixels = torch.from_numpy(images.astype(np.float32).transpose(0, 3, 1, 2).copy())
        maps = getattr(net, features)((pixels - mean) / std)
        codes: Codes = maps.numpy().mean(axis=(2, 3), dtype=np.float64)
    return codes
