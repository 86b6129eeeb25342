"""The cost of less precision: paired, grouped by content, and equal only where enough images say so."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
from small_convolutions import draw_pictures, make_backbone

from cnncodes import ImageClassifier
from cnncodes.backbones import Backbone
from cnncodes.backbones.quantizing.halving import halve
from cnncodes.errors import SourceError
from cnncodes.estimators.inputs import make_embedder
from cnncodes.evaluation.precisions import PrecisionCost, measure_classifier, measure_precision
from cnncodes.images import ImageRecord, content_hash, records_from


@pytest.fixture(scope="module")
def full() -> Backbone:
    return make_backbone()


def label(images: np.ndarray, noise: float = 0.0) -> list[ImageRecord]:
    """Return images labelled by what is brighter in them, red or blue; a share of the labels is wrong."""
    rng = np.random.default_rng(0)
    red = (images[..., 0].mean((1, 2)) > images[..., 2].mean((1, 2))) ^ (rng.random(len(images)) < noise)
    names = np.where(red, "red", "blue")
    records = records_from(list(images))
    return [replace(r, label=str(name)) for r, name in zip(records, names, strict=True)]


def measure(records: list[ImageRecord], full: Backbone, lesser: Backbone) -> PrecisionCost:
    embedders = [make_embedder(backbone, "center", "exact") for backbone in (full, lesser)]
    return measure_precision(records, *embedders, n_jobs=1)


def test_the_same_network_changes_nothing_and_few_images_do_not_make_it_equal(full: Backbone) -> None:
    few = measure(label(draw_pictures(100), 0.2), full, full)
    assert (few.images, few.cosine, few.worst_cosine) == (100, pytest.approx(1), pytest.approx(1))
    assert few.change is not None and few.change.value == 0
    assert (few.change.low, few.change.high) == (-0.03, 0.03)  # what 100 images without a change tell
    assert not few.equal
    assert few.reference == few.accuracy and 0.6 < few.accuracy.value < 0.9


@pytest.mark.slow
def test_a_worse_network_is_seen_to_be_one(full: Backbone) -> None:
    """The control: a network that sees red and blue exchanged for green cannot tell them apart."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(full.model_bytes())
    [weights] = [tensor for tensor in model.graph.initializer if tensor.name == "w1"]
    array = numpy_helper.to_array(weights).copy()
    array[:, [0, 2]] = 0
    weights.CopyFrom(numpy_helper.from_array(array, "w1"))
    data = model.SerializeToString()
    import hashlib

    card = dataclasses.replace(
        full.card, files={"model.onnx": hashlib.sha256(data).hexdigest()}, precisions={}, quantization={}
    )
    cost = measure(label(draw_pictures(400)), full, Backbone.from_bytes(data, card))
    assert cost.change is not None and cost.change.high < -0.1 and not cost.equal and cost.cosine < 0.9


@pytest.mark.slow
def test_half_precision_is_near(full: Backbone) -> None:
    cost = measure(label(draw_pictures(2000), 0.1), full, halve(full))
    assert cost.worst_cosine > 0.999 and cost.equal
    facts = cost.describe("halved", "float16", 0)
    assert (facts.compared, facts.equal, facts.activations) == (2000, True, "float16")
    assert facts.low is not None and facts.low == round(cost.change.low, 4)  # type: ignore[union-attr]


@pytest.mark.slow
def test_equal_images_lie_in_one_fold(full: Backbone) -> None:
    """Labels are drawn at random: a copy on the training side would give them away."""
    images = draw_pictures(60).repeat(2, axis=0)
    rng = np.random.default_rng(1)
    names = rng.choice(["a", "b"], 60).repeat(2)
    records = [replace(r, label=str(n)) for r, n in zip(records_from(list(images)), names, strict=True)]
    cost = measure(records, full, full)
    assert cost.accuracy is not None and cost.accuracy.value < 0.7


def test_without_labels_codes_alone_are_compared(full: Backbone) -> None:
    images = draw_pictures(20)
    one_class = [replace(record, label="a") for record in records_from(list(images))]
    copies = [replace(r, label="ab"[i % 2]) for i, r in enumerate(records_from([images[0], images[1]] * 3))]
    for records in (records_from(list(images)), one_class, copies):
        cost = measure(records, full, halve(full))
        assert cost.change is cost.accuracy is cost.reference is None and not cost.equal
        assert cost.describe("halved", "float16", 0).change is None


def test_images_that_cannot_be_read_are_in_no_figure(full: Backbone) -> None:
    bad = [replace(record, label="red") for record in records_from([b"no image"] * 5)]
    assert measure([*bad, *label(draw_pictures(50))], full, full).images == 50
    with pytest.raises(SourceError, match="at least two images that can be read"):
        measure(bad, full, full)


def test_images_of_the_calibration_are_counted_by_their_content(full: Backbone) -> None:
    records = label(draw_pictures(20))
    embedder = make_embedder(full, "center", "exact")
    contents = frozenset(content_hash(record.read()) for record in label(draw_pictures(20))[:12])
    assert measure_precision(records, embedder, embedder, calibrated=contents, n_jobs=1).calibrated == 12
    assert measure(records, full, full).calibrated == 0


@pytest.fixture(scope="module")
def fitted(full: Backbone) -> ImageClassifier:
    images = draw_pictures(40)
    names = [record.label for record in label(images)]
    return ImageClassifier(full, "ridge", train_views="center", test_views="center").fit(list(images), names)


def test_a_classifier_is_compared_with_itself_on_another_network(
    full: Backbone, fitted: ImageClassifier
) -> None:
    predictor = fitted.predictor_
    new = label(draw_pictures(120)[40:])
    cost = measure_classifier(new, predictor, predictor.with_backbone(halve(full)), n_jobs=1)
    right = np.mean(fitted.predict(list(draw_pictures(120)[40:])) == [record.label for record in new])
    assert cost.reference is not None and cost.reference.value == pytest.approx(right)
    assert cost.worst_cosine > 0.999 and cost.change is not None and cost.change.n == 80
    assert (cost.trained_on, cost.equal) == (0, False)
    again = measure_classifier(label(draw_pictures(40)), predictor, predictor, n_jobs=1)
    assert (again.trained_on, again.change.value) == (40, 0.0)  # type: ignore[union-attr]


def test_labels_that_a_classifier_cannot_give_are_refused_before_the_work(fitted: ImageClassifier) -> None:
    predictor = fitted.predictor_
    strange = [replace(record, label="green") for record in label(draw_pictures(4))]
    with pytest.raises(SourceError, match="none of the labels green: its classes are blue, red"):
        measure_classifier(strange, predictor, predictor)
    unlabelled = [replace(record, label=None) for record in strange]
    assert measure_classifier(unlabelled, predictor, predictor, n_jobs=1).change is None
