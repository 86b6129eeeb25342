"""Codes in two dimensions, so that images that the network finds alike lie together."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: Told what is being done, and of what it is so many, if not images; returns what is called with the numbers
#: done, to do, and failed.
Watch = Callable[..., Callable[[int, int, int], object]]


def watch_nothing(_what: str, _unit: str = "images") -> Callable[[int, int, int], object]:
    """Tell nobody of progress."""
    return lambda _done, _total, _failed: None


#: Images up to which neighbours are kept together; for more, that would take minutes.
TSNE_IMAGES = 5000
#: Principal components that t-SNE starts from.
COMPONENTS = 50
#: Steps of t-SNE at most.
_STEPS = 1000
#: Rows of codes that are multiplied at a time.
_ROWS = 1000
#: Decides both.
RANDOM_STATE = 0


@dataclass(frozen=True, eq=False)
class Layout:
    """Where images lie on a map.

    Attributes
    ----------
    places : ndarray of float64, shape (n_images, 2)
        From 0 to 1, at one scale for both axes.
    method : str
        How they were found, for people.
    """

    places: Array
    method: str


def lay_out(codes: Array, watch: Watch = watch_nothing) -> Layout:
    """Place codes on a map: t-SNE of their principal components, or of many images these alone.

    Parameters
    ----------
    codes : ndarray of float32, shape (n_images, code_size)
    watch : callable
        Told of the progress of t-SNE, which may take minutes.

    References
    ----------
    L. van der Maaten and G. Hinton, "Visualizing data using t-SNE", JMLR 9, 2008.

    Examples
    --------
    >>> lay_out(np.eye(3, dtype=np.float32)).places.shape
    (3, 2)
    """
    n, size = codes.shape
    count = min(COMPONENTS, n - 1, size)
    if count < 1 or not (codes != codes[0]).any():
        return Layout(np.full((n, 2), 0.5), "all codes are equal, so all images lie in one place")
    many = n > TSNE_IMAGES
    components, shares = _find_first(codes, min(count, 2)) if many else _find_components(codes, count)
    if many or n < 10 or size == 1:
        shown = components[:, :2] if components.shape[1] > 1 else np.column_stack([components, np.zeros(n)])
        share = float(shares[:2].sum())
        if size == 1:
            return Layout(_fit(shown), "codes of one number, on a line")
        why = f"more than {TSNE_IMAGES:,} images" if many else "few images"
        return Layout(
            _fit(shown),
            f"the first two principal components ({share * 100:.0f} % of the variance), for {why}",
        )
    return Layout(_fit(_embed(components, watch)), f"{count} principal components, then t-SNE")


def _find_components(codes: Array, count: int) -> tuple[Array, Array]:
    """Return the places along the first principal components, and their shares of the variance."""
    from sklearn.decomposition import PCA

    found = PCA(count, random_state=RANDOM_STATE).fit(codes)
    return found.transform(codes).astype(np.float64), found.explained_variance_ratio_


def _find_first(codes: Array, count: int) -> tuple[Array, Array]:
    """Return the same by the products of columns, some rows at a time: scikit-learn would copy all codes."""
    n, size = codes.shape
    parts = [codes[start : start + _ROWS] for start in range(0, n, _ROWS)]
    mean = np.sum([part.sum(axis=0, dtype=np.float64) for part in parts], axis=0) / n
    products = np.zeros((size, size))
    for part in parts:
        centred = part - mean
        products += centred.T @ centred
    values, axes = np.linalg.eigh(products)
    axes = axes[:, ::-1][:, :count]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(count)])
    places = np.concatenate([(part - mean) @ axes for part in parts])
    return places, values[::-1][:count] / values.sum()


def _embed(components: Array, watch: Watch) -> Array:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(components) - 1) / 3)
    # scikit-learn has no callback: every 50 steps it prints how far it is.
    told = _Told(watch("map of the codes by t-SNE", "steps"))
    with contextlib.redirect_stdout(told):
        places = TSNE(
            init="pca",
            perplexity=perplexity,
            max_iter=_STEPS,
            random_state=RANDOM_STATE,
            n_jobs=1,
            verbose=2,
        ).fit_transform(components.astype(np.float32))
    told.end()
    return np.asarray(places, dtype=np.float64)


class _Told(io.TextIOBase):
    """Takes what t-SNE prints, and tells of the steps that are done."""

    def __init__(self, progress: Callable[[int, int, int], object]) -> None:
        self._progress = progress
        self._line = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            if found := re.search(r"Iteration (\d+):", line):
                self._progress(min(int(found[1]), _STEPS - 1), _STEPS, 0)
        return len(text)

    def end(self) -> None:
        """Tell that it is done, after fewer steps where it found no better place."""
        self._progress(_STEPS, _STEPS, 0)


def _fit(places: Array) -> Array:
    """Scale to the unit square, without a change of shape."""
    low, high = places.min(axis=0), places.max(axis=0)
    extent = float((high - low).max())
    centred: Array = (places - (low + high) / 2) / (extent or 1.0) + 0.5
    return centred
