"""Codes as a scikit-learn transformer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from cnncodes.choices import BACKBONE
from cnncodes.errors import UsageError
from cnncodes.estimators.aggregation import average_rows
from cnncodes.estimators.inputs import embed_records, make_embedder, settle_embedders
from cnncodes.estimators.labels import check_random_state, records_of


class CodeExtractor(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn images into CNN codes, one row an image, in any scikit-learn pipeline.

    Parameters
    ----------
    backbone : str, path or Backbone
        A name in the zoo or a folder with a card.
    views : str, path or ViewPlan
        Which views of each image: ``"center"``, ``"flip"``, ``"tencrop"``, ``"multicrop"``, ``"train:4"``, …
        (`ViewPlan.parse`), a .toml file, or a plan.
    reduce : {"mean"}
        How an image's views become its one row.
    decode : {"exact", "fast", "nvimgcodec", "nvimgcodec-cpu"}
        ``"fast"`` decodes large JPEGs at a reduced scale, ``"nvimgcodec"`` JPEGs on a GPU (`embed`).
    max_pixels : int, optional
        Images with more pixels are refused rather than decoded; None means 89,478,485.
    random_state : int
        For random views that are given by name; up to 2**64 - 1, as in `embed`.
    n_jobs : int, optional
        Lanes; None and -1 mean one for each usable core.
    memory : path, optional
        Folder that keeps codes, so that each image meets the network once.

    Attributes
    ----------
    space_ : Space
        What kind of vector the codes are.
    plan_ : ViewPlan
        The views, with what was learned for them.
    n_features_out_ : int

    Examples
    --------
    >>> import numpy as np
    >>> from cnncodes import CodeExtractor
    >>> pictures = [np.full((64, 64, 3), level, np.uint8) for level in (0, 255)]
    >>> CodeExtractor().fit_transform(pictures).shape
    (2, 1280)
    """

    def __init__(
        self,
        backbone: Any = BACKBONE,
        *,
        views: Any = "center",
        reduce: str = "mean",
        decode: str = "exact",
        max_pixels: int | None = None,
        random_state: int = 0,
        n_jobs: int | None = None,
        memory: Any = None,
    ) -> None:
        self.backbone = backbone
        self.views = views
        self.reduce = reduce
        self.decode = decode
        self.max_pixels = max_pixels
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.memory = memory

    def fit(self, X: Any, y: Any = None) -> Self:
        """Load the backbone; learn from the images only what the views need (``"pca"``).

        Parameters
        ----------
        X : list of images, or a folder
        y : ignored
        """
        if self.reduce != "mean":
            raise UsageError(f"reduce must be 'mean'. Got {self.reduce!r} instead.")
        check_random_state(self.random_state, most=2**64 - 1)  # of views alone
        embedder = make_embedder(self.backbone, self.views, self.decode, self.max_pixels, self.random_state)
        if not isinstance(X, Iterator):  # which can be read once, and transform is still to come
            [embedder] = settle_embedders([embedder], records_of(X), self.n_jobs)
        elif embedder.plan.needs_colors:
            raise UsageError(
                "views with 'pca' learn from the images before they are transformed, and X can be read only"
                " once: give a list."
            )
        self._embedder = embedder
        self.plan_ = embedder.plan
        self.space_ = self._embedder.space
        self.n_features_out_ = self.space_.code_size
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float32]:
        """Return the codes of images.

        Parameters
        ----------
        X : list of paths, encoded bytes, PIL images or uint8 arrays; or a folder

        Returns
        -------
        ndarray of float32, shape (n_images, code_size)

        Raises
        ------
        UnreadableImages
            If any image cannot be read; the text names the first ten.
        """
        check_is_fitted(self, "space_")
        rows = embed_records(
            self._embedder, records_of(X), n_jobs=self.n_jobs, memory=self.memory, on_error="raise"
        )
        return average_rows(rows.X, rows.counts).astype(np.float32)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return ``code0`` … for the columns, in order; `input_features` is ignored."""
        check_is_fitted(self, "space_")
        return np.array([f"code{i}" for i in range(self.n_features_out_)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.no_validation = True
        tags.requires_fit = True
        return tags
