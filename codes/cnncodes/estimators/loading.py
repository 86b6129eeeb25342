"""Estimators around predictors: those that were saved, and those of a network made otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

from cnncodes.estimators.classifier import ImageClassifier
from cnncodes.estimators.label_predictor import LabelPredictor
from cnncodes.estimators.multilabel import ImageMultiLabelClassifier
from cnncodes.estimators.number_predictor import NumberPredictor
from cnncodes.estimators.predictor import Predictor
from cnncodes.estimators.regressor import ImageRegressor
from cnncodes.estimators.saved_card import unpack_params
from cnncodes.estimators.saving import AnyPredictor, read_saved
from cnncodes.estimators.settings import Settings, read_settings
from cnncodes.views import ViewPlan

AnyEstimator: TypeAlias = ImageClassifier | ImageMultiLabelClassifier | ImageRegressor


def load(path: str | Path) -> AnyEstimator:
    """Load a saved classifier or regressor, whichever the file holds. No code from the file is run.

    Parameters
    ----------
    path : path
        What `save` wrote, or a folder with the same members.

    Returns
    -------
    ImageClassifier, ImageMultiLabelClassifier or ImageRegressor
        Fitted; its predictions equal those before saving, bit for bit.

    Raises
    ------
    SavedModelError
        If the file is damaged, of a newer format, or holds anything unexpected; the text names it.
    """
    saved = read_saved(path)
    embedder, card = saved.predictor.embedder, saved.card
    # A name alone would mean the network's first file, fp32, when it is fitted again.
    by_name = not card["backbone"]["included"] and embedder.backbone.precision == "fp32"
    return assemble_estimator(
        saved.predictor,
        ViewPlan.from_dict(card["train_plan"]),
        card["images"],
        settings=read_settings(card),
        backbone=card["backbone"]["name"] if by_name else embedder.backbone,
        **unpack_params(card, saved.predictor.head),
    )


def assemble_estimator(
    predictor: AnyPredictor,
    train_plan: ViewPlan,
    n_images: int,
    *,
    backbone: Any,
    settings: Settings | None = None,
    **params: Any,
) -> AnyEstimator:
    """Return a fitted estimator, which one its predictor says, around a predictor.

    Parameters
    ----------
    predictor : Predictor, NumberPredictor or LabelPredictor
    train_plan : ViewPlan
        The views that its head was trained on.
    n_images : int
        Images that it was trained on.
    backbone, **params
        Parameters of the estimator, for when it is fitted again.
    settings : dict, optional
        What its head was fitted with, where that is known.
    """
    embedder = predictor.embedder
    kinds: dict[type, Any] = {
        Predictor: ImageClassifier,
        NumberPredictor: ImageRegressor,
        LabelPredictor: ImageMultiLabelClassifier,
    }
    estimator: AnyEstimator = kinds[type(predictor)](
        backbone=backbone,
        train_views=train_plan,
        test_views=embedder.plan,
        decode=embedder.decoding.mode,
        **params,
    )
    estimator._take(predictor, train_plan, n_images)
    estimator._settings = settings or {}
    return estimator


def exchange_network(classifier: ImageClassifier, predictor: Predictor) -> ImageClassifier:
    """Return a fitted classifier with another predictor, whose network is another make of its own."""
    params = {**classifier.get_params(deep=False), "backbone": predictor.embedder.backbone}
    exchanged = type(classifier)(**params)
    exchanged._take(predictor, classifier.train_plan_, classifier.n_images_)
    exchanged._settings = classifier._list_settings()
    return exchanged
