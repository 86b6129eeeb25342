"""Colours: the principal components of a training set's pixels, and jitter as one affine map of RGB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from cnncodes.errors import UsageError
from cnncodes.views.checks import check_keys, check_vector, check_whole
from cnncodes.views.components import find_components

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

#: Weights of red, green and blue in brightness: ITU-R BT.601, as Pillow converts to grey.
_GREY = (0.299, 0.587, 0.114)
_MOST = 2**63 - 1
#: Pixels in one product of matrices, so that a large picture takes no multiple of its size in memory.
_CHUNK = 1 << 18


@dataclass(frozen=True)
class PrincipalColors:
    """Principal components of the RGB pixels of a training set.

    Attributes
    ----------
    variances : tuple of float, length 3
        Along each component, largest first, in squared levels (a pixel's values go from 0 to 255).
    components : tuple of tuple of float, 3 x 3
        A unit vector in (red, green, blue) each; the entry that is largest in size is positive.
    n_images, n_pixels : int
        How many they were computed from.

    References
    ----------
    Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep Convolutional Neural Networks, 2012,
    section 4.1.
    """

    variances: tuple[float, float, float]
    components: tuple[tuple[float, float, float], ...]
    n_images: int = 0
    n_pixels: int = 0

    def __post_init__(self) -> None:
        variances = check_vector("variances", self.variances, 3)
        if min(variances) < 0:
            raise UsageError(f"variances must not be negative. Got {self.variances!r} instead.")
        rows = self.components if isinstance(self.components, list | tuple) else ()
        if len(rows) != 3:
            raise UsageError(f"components must be 3 lists of 3 numbers. Got {self.components!r} instead.")
        components = tuple(check_vector("components", row, 3) for row in rows)
        for row in components:
            if abs(sum(value * value for value in row) - 1) > 1e-6:
                raise UsageError(f"components must be vectors of length 1. Got {row!r} instead.")
        check_whole("n_images", self.n_images, 0, _MOST)
        check_whole("n_pixels", self.n_pixels, 0, _MOST)
        object.__setattr__(self, "variances", variances)
        object.__setattr__(self, "components", components)

    def offset(self, alphas: tuple[float, float, float]) -> tuple[float, float, float]:
        """Return what is added to each pixel's (red, green, blue): the sum of α·√variance·component."""
        steps = [alpha * variance**0.5 for alpha, variance in zip(alphas, self.variances, strict=True)]
        red, green, blue = (
            sum(step * row[channel] for step, row in zip(steps, self.components, strict=True))
            for channel in range(3)
        )
        return red, green, blue

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that TOML and JSON can hold."""
        return {
            "variances": list(self.variances),
            "components": [list(row) for row in self.components],
            "n_images": self.n_images,
            "n_pixels": self.n_pixels,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build them from what `to_dict` gave."""
        known = ("variances", "components", "n_images", "n_pixels")
        given = check_keys("principal_colors", values, known)
        for key in known[:2]:
            if key not in given:
                raise UsageError(f"principal_colors must have the key {key!r}, and it is missing.")
        return cls(**given)


class ColorMoments:
    """Counts, sums and products of RGB pixels, from which principal components follow.

    All are whole numbers and exact: pictures may come in any order, and workers may each take some and
    `merge` afterwards, with the same result to the last bit.

    Examples
    --------
    >>> import numpy as np
    >>> moments = ColorMoments()
    >>> moments.add(np.array([[[0, 0, 0], [200, 100, 50]]], dtype=np.uint8))
    >>> moments.principal_colors().n_pixels
    2
    """

    def __init__(self) -> None:
        self.n_images = 0
        self.n_pixels = 0
        self.sums = [0, 0, 0]
        self.products = [[0, 0, 0] for _ in range(3)]

    def add(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Take in a picture, shape (height, width, 3)."""
        import numpy as np

        flat = pixels.reshape(-1, 3)
        for start in range(0, len(flat), _CHUNK):
            # Products of 8-bit numbers are whole, and a chunk's sum stays far below 2**53.
            chunk = flat[start : start + _CHUNK].astype(np.float64)
            products = chunk.T @ chunk
            sums = chunk.sum(axis=0)
            for i in range(3):
                self.sums[i] += int(sums[i])
                for j in range(3):
                    self.products[i][j] += int(products[i, j])
        self.n_pixels += len(flat)
        self.n_images += 1

    def merge(self, other: ColorMoments) -> None:
        """Take in what another worker has seen."""
        self.n_images += other.n_images
        self.n_pixels += other.n_pixels
        for i in range(3):
            self.sums[i] += other.sums[i]
            for j in range(3):
                self.products[i][j] += other.products[i][j]

    def principal_colors(self) -> PrincipalColors:
        """Return the components of all pixels taken in, the same on every machine.

        Raises
        ------
        UsageError
            If there were none, or all have one colour.
        """
        n = self.n_pixels
        if n == 0:
            raise UsageError(
                "there are no pixels to find principal colours in: no training image can be read."
            )
        # Whole numbers to the end: a difference of large floats would lose the variance.
        exact = [[n * self.products[i][j] - self.sums[i] * self.sums[j] for j in range(3)] for i in range(3)]
        if not any(exact[i][i] for i in range(3)):
            raise UsageError(
                f"all {n:,} pixels of the training images ({self.n_images}) have one colour, so there are no"
                " principal colours: leave 'pca' out of the view plan, or give other images."
            )
        variances, components = find_components([[value / n**2 for value in row] for row in exact])
        return PrincipalColors(variances, components, self.n_images, n)


@dataclass(frozen=True, slots=True)
class Tint:
    """How the colours of one view are changed: by one affine map of RGB, which `apply` makes.

    A step that is no such map (gamma, hue, blur) would be a field here too, applied in `apply` to the picture
    that the map gives, which would then be rounded and clipped once more.

    Attributes
    ----------
    brightness, contrast, saturation : float
        Factors; 1 changes nothing. Contrast is about the view's mean grey, saturation about each pixel's.
    offset : tuple of float
        Added to (red, green, blue), in levels from 0 to 255.
    """

    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def apply(self, image: Image) -> Image:
        """Return a picture of mode RGB with its colours changed, rounded and clipped once at the end."""
        if self == Tint():
            return image
        gain = self.brightness * self.contrast
        level = 0.0 if self.contrast == 1 else (1 - self.contrast) * self.brightness * _mean_grey(image)
        matrix: list[float] = []
        for channel in range(3):
            for source in range(3):
                own = self.saturation if channel == source else 0.0
                matrix.append(gain * (own + (1 - self.saturation) * _GREY[source]))
            matrix.append(level + self.offset[channel])
        return image.convert("RGB", tuple(matrix))


def _mean_grey(image: Image) -> float:
    import numpy as np

    sums: list[int] = (np.array(image.histogram()).reshape(3, 256) @ np.arange(256)).tolist()
    return sum(weight * total for weight, total in zip(_GREY, sums, strict=True)) / (
        image.width * image.height
    )
