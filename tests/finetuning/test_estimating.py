"""Fine-tuning in `fit` of a classifier."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from tiny_tuning import CLASSES, GOOD, draw, make_backbone  # noqa: E402

import cnncodes  # noqa: E402
from cnncodes.errors import UnreadableImages, UsageError  # noqa: E402

pytestmark = pytest.mark.slow  # torch


def test_a_classifier_fine_tunes_in_fit(photos: Path) -> None:
    settings = {key: value for key, value in GOOD.items() if key not in ("train_views", "n_jobs")}
    classifier = cnncodes.ImageClassifier(make_backbone(), finetune=settings, n_jobs=1)
    with pytest.warns(UserWarning, match="fixed views alone"):
        classifier.fit(photos / "train")
    assert classifier.tuning_.kept == "tuned"
    assert "validation images" in classifier.tuning_.verdict
    assert classifier.predictor_.embedder.backbone.card.name == "small-tuned"
    head = cnncodes.ImageClassifier(make_backbone(), n_jobs=1).fit(photos / "train")
    assert classifier.score(photos) > head.score(photos) + 0.1
    with pytest.raises(UsageError, match="epochs"):  # after a fit that fails the former one is whole
        classifier.set_params(finetune={**settings, "epochs": 0}).fit(photos / "train")
    assert classifier.tuning_.kept == "tuned"
    classifier.set_params(finetune=None).fit(photos / "train")
    assert not hasattr(classifier, "tuning_")


def test_no_settings_are_settings_too(photos: Path) -> None:
    """An empty dictionary is what a search over settings begins with; it had meant not to fine-tune."""
    classifier = cnncodes.ImageClassifier(make_backbone(), finetune={}, train_views="rotation:2", n_jobs=1)
    assert classifier.fit(photos / "test").tuning_.kept in ("head", "tuned")


@pytest.mark.filterwarnings("ignore:fine-tuning on fixed views")
def test_which_of_the_two_is_kept_can_be_said(photos: Path) -> None:
    settings = {key: value for key, value in GOOD.items() if key not in ("train_views", "n_jobs")}
    images, y = zip(*[(draw(label, i), label) for label in CLASSES for i in range(6)], strict=True)
    for keep, kept in (("better", "head"), ("tuned", "tuned")):  # six images show no clear gain
        given = {**settings, "precision": "fp32", "refit": False, "keep": keep}
        classifier = cnncodes.ImageClassifier(make_backbone(), finetune=given, n_jobs=1)
        assert classifier.fit(list(images), list(y)).tuning_.kept == kept
    with pytest.raises(UsageError, match="keep must be one of better, tuned, head. Got 'both'"):
        cnncodes.ImageClassifier(finetune={"keep": "both"}).fit(photos / "test")
    given = {**settings, "keep": "tuned", "epochs": 1, "base_lr": 1e6}
    with pytest.warns(UserWarning, match="there is no tuned network to keep, whatever was asked for"):
        cnncodes.ImageClassifier(make_backbone(), finetune=given, n_jobs=1).fit(photos / "test")


@pytest.mark.filterwarnings("ignore:fine-tuning on fixed views")
def test_a_classifier_says_what_it_cannot_fine_tune(photos: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    images, labels = [draw(name, i) for name in CLASSES for i in range(4)], np.repeat(CLASSES, 4)
    make = cnncodes.ImageClassifier
    for classifier, fits, said in (
        (make(make_backbone(), LogisticRegression(), finetune=True), {}, "a linear head by name"),
        (make(make_backbone(), "knn", finetune=True), {}, "logistic, .*lda or centroid. Got 'knn'"),
        (make(make_backbone(), "auto", finetune=True), {}, "logistic, .*lda or centroid. Got 'auto'"),
        (make(make_backbone(), "rbf-svm", finetune=True), {}, "logistic, .*lda or centroid. Got 'rbf-svm'"),
        (make(make_backbone(), finetune={"epoch": 3}), {}, "epoch"),
        (make(make_backbone(), finetune="yes"), {}, "must be True, a dictionary"),
        (make(make_backbone(), finetune=True), {"sample_weight": np.ones(12)}, "no sample_weight"),
    ):
        with pytest.raises(UsageError, match=said):
            classifier.fit(images, labels, **fits)


@pytest.mark.filterwarnings("error:fine-tuning on fixed views")
def test_a_file_that_cannot_be_read_is_an_error_before_the_training(tmp_path: Path) -> None:
    """Else it would be told after hours; here of the fixed views, of which it is warned later."""
    images, y = zip(*[(draw(label, i), label) for label in CLASSES for i in range(6)], strict=True)
    classifier = cnncodes.ImageClassifier(make_backbone(), finetune={}, n_jobs=1)
    with pytest.raises(UnreadableImages, match="^1 of 19 images cannot be used"):
        classifier.fit([*images, tmp_path / "gone.png"], [*y, y[0]])
