"""Fit and predict numbers on images: CNN codes and a regression head behind scikit-learn's contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from cnncodes.choices import BACKBONE
from cnncodes.errors import UsageError
from cnncodes.estimators.base import ImageEstimator
from cnncodes.estimators.inputs import Progress
from cnncodes.estimators.number_predictor import NumberPredictor, check_number_aggregate
from cnncodes.estimators.parameters import check_score_weight
from cnncodes.estimators.predictor import ImagePredictor
from cnncodes.estimators.targets import check_targets, check_varied, name_targets, parse_targets, read_targets
from cnncodes.estimators.training import find_scorer
from cnncodes.estimators.unknown import Training, find_residuals, find_scale
from cnncodes.heads.regression.selection import make_regression_head
from cnncodes.images import ImageRecord
from cnncodes.views import ViewPlan

Array = npt.NDArray[Any]


class ImageRegressor(RegressorMixin, ImageEstimator):  # type: ignore[misc]
    """Predict a number of each image, or several, by a regression head on the codes of a pretrained network.

    Parameters
    ----------
    backbone : str, path or Backbone
        A name in the zoo or a folder with a card.
    head : str or scikit-learn regressor
        ``"ridge"``, ``"knn"`` or ``"kernel-ridge"`` (docs/heads.md), whose settings and scaling are chosen by
        grouped cross-validation of the squared error; or any regressor object.
    train_views, test_views : str, path or ViewPlan
        Views of each image in `fit` and in prediction, as of `ImageClassifier`. What is to be predicted must
        not change with them: a mirror image has another angle, a stretched one another aspect, one of other
        colours another brightness. ``"center"`` leaves an image as it is.
    aggregate : {"auto", "prediction", "code"}
        What is averaged over the views of an image in prediction: predictions ("auto", too), or codes before
        the head sees them.
    decode : {"exact", "fast"}
        ``"fast"`` decodes large JPEGs at a reduced scale.
    max_pixels : int, optional
        Images with more pixels are refused rather than decoded; None means 89,478,485.
    on_error : {"raise", "skip"}
        In `fit`, whether an image that cannot be read is dropped with a warning or is an error, which ends it
        once the 1,024 images that it is among have been tried.
    random_state : int, optional
        Decides the folds of the cross-validation, and random views that are given by name.
    n_jobs : int, optional
        Lanes and folds at work at once; None and -1 mean one for each usable core.
    memory : path, optional
        Folder that keeps codes between fits, by content: each image meets the network once.
    out_of_fold : bool, optional
        Whether `fit` keeps how far heads were off on training images that they had not seen, for
        `predict_interval`. None: where the head's search has that to hand. True: else from five more fits, as
        for a regressor object. False: never.

    Attributes
    ----------
    head_ : scikit-learn regressor
        The fitted head; after `load`, of one by name, the arrays alone.
    targets_ : tuple of str or None
        The name of each target, where `y` was a pandas column or table, or a column of a table of images.
    train_plan_ : ViewPlan
        The views that the head was trained on.
    space_ : Space
        What kind of vector the codes are.
    n_images_ : int
        Images that the head was trained on.

    Examples
    --------
    >>> import numpy as np
    >>> from cnncodes import ImageRegressor
    >>> levels = np.linspace(20, 230, 24)
    >>> noise = np.random.default_rng(0).normal(0, 15, (24, 64, 64, 3))
    >>> pictures = [np.clip(level + part, 0, 255).astype(np.uint8) for level, part in zip(levels, noise)]
    >>> reg = ImageRegressor(train_views="center", test_views="center").fit(pictures[::2], levels[::2])
    >>> bool(reg.score(pictures[1::2], levels[1::2]) > 0.8)
    True
    """

    _NOUN = "target"

    def __init__(
        self,
        backbone: Any = BACKBONE,
        head: Any = "ridge",
        *,
        train_views: Any = "flip",
        test_views: Any = "flip",
        aggregate: str = "auto",
        decode: str = "exact",
        max_pixels: int | None = None,
        on_error: str = "raise",
        random_state: int | None = 0,
        n_jobs: int | None = None,
        memory: Any = None,
        out_of_fold: bool | None = None,
    ) -> None:
        self.backbone = backbone
        self.head = head
        self.train_views = train_views
        self.test_views = test_views
        self.aggregate = aggregate
        self.decode = decode
        self.max_pixels = max_pixels
        self.on_error = on_error
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.memory = memory
        self.out_of_fold = out_of_fold

    def fit_records(
        self,
        records: Sequence[ImageRecord],
        *,
        target: str | None = None,
        on_progress: Progress | None = None,
    ) -> Self:
        """Fit on the records of a source whose labels are numbers; `target` is the name of these."""
        super().fit_records(records, on_progress=on_progress)
        self._name((target,))
        return self

    def _name(self, targets: tuple[str | None, ...]) -> None:
        self.predictor_ = self.predictor_.with_targets(targets)
        self.targets_ = targets

    def _make_head(self) -> Any:
        return make_regression_head(self.head, random_state=self.random_state, n_jobs=self.n_jobs)

    def _check_head(self) -> None:
        check_number_aggregate(self.aggregate)
        self._make_head()

    def _check_y(self, y: Any, n_images: int) -> Array:
        targets = check_targets(y, n_images)
        check_varied(targets)
        return targets

    def _read_labels(self, labels: Any, keys: Sequence[str] | None = None) -> Array:
        return self._check_y(parse_targets(labels, keys), len(labels))

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None) -> Self:
        """Make the images' codes and fit the head on them.

        Parameters
        ----------
        X : list of paths, encoded bytes, PIL images or uint8 arrays; or a folder
        y : array-like of float, shape (n_images,) or (n_images, n_targets)
            May be left out for a folder of folders whose names are the numbers. One column is one target, so
            that predictions have the shape (n_images,), as those of scikit-learn's `RandomForestRegressor`,
            and not (n_images, 1), as those of its `LinearRegression`.
        sample_weight, groups
            As of `ImageClassifier.fit`.

        Returns
        -------
        ImageRegressor

        Raises
        ------
        UsageError
            If `y` does not fit the images, holds what is no finite number, or a parameter is wrong.
        SourceError
            If there are fewer than two images, or all have one target.
        UnreadableImages
            If an image cannot be read and `on_error` is ``"raise"``.
        """
        super().fit(X, y, sample_weight, groups)
        self._name(name_targets(y))
        return self

    def _make_predictor(self, fitted: Any, training: Training, **shared: Any) -> NumberPredictor:
        several = 1 if training.y.ndim == 1 else training.y.shape[1]
        return NumberPredictor(
            head=find_scorer(fitted),
            aggregate=training.aggregate,
            targets=(None,) * several,
            residuals=find_residuals(fitted, self._make_head, training, self.out_of_fold),
            scale=find_scale(training.without_classes()),
            **shared,
        )

    def _take(self, predictor: ImagePredictor, train_plan: ViewPlan, n_images: int) -> None:
        super()._take(predictor, train_plan, n_images)
        self.targets_ = self.predictor_.targets

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the predicted number of each image, shape (n_images,), or (n_images, n_targets) of several.

        `X` as of `ImageClassifier.predict`: stored codes, too.

        Raises
        ------
        UnreadableImages
            If any image cannot be read; the text names the first ten.
        """
        rows = self._embed(X)
        return self._flatten(self.predictor_.score(rows.X, rows.counts))

    def predict_interval(self, X: Any, coverage: float = 0.9) -> npt.NDArray[np.float64]:
        """Return an interval around each prediction, as wide as held-out training images were off.

        All intervals of a target are of one width: twice the error that a share `coverage` of the training
        images kept below in the cross-validation, one image standing for each group. So they are right for
        images like those trained on, taken together: not for each image, nor each range of the target. See
        docs/figures.md for what is promised.

        Parameters
        ----------
        X : as in `predict`
        coverage : float
            Share of intervals that are to hold the truth, between 0 and 1.

        Returns
        -------
        ndarray of float64, shape (n_images, 2), or (n_images, n_targets, 2) of several
            Low and high end.

        Raises
        ------
        UsageError
            If `fit` kept no held-out errors, or too few for the coverage.
        UnreadableImages
            If any image cannot be read.
        """
        check_is_fitted(self, "predictor_")
        width = self.predictor_.find_width(coverage)  # before the images are read
        rows = self._embed(X)
        middle = self.predictor_.score(rows.X, rows.counts)
        return self._flatten(np.stack([middle - width, middle + width], axis=-1))

    def _flatten(self, values: Array) -> Array:
        return values[:, 0] if len(self.targets_) == 1 else values

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the coefficient of determination R2, of several targets its mean.

        A folder of folders brings its numbers (``test/`` where it has parts).
        """
        records, labels = self._list_scored(X, y)
        truth = read_targets(records) if y is None else check_targets(labels, len(records))
        if truth.size != len(truth) * len(self.targets_):
            raise UsageError(f"y must have {len(self.targets_)} targets an image. Got shape {truth.shape}.")
        weight = check_score_weight(sample_weight, len(truth))
        rows = self._embed_records(records)
        predicted = self._flatten(self.predictor_.score(rows.X, rows.counts))
        return float(r2_score(truth, predicted, sample_weight=weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
