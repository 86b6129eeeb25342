"""Weights of the images of stored codes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from sklearn.neighbors import KNeighborsClassifier

from cnncodes import ImageClassifier, ImageMultiLabelClassifier, ImageRegressor, embed, open_codes, read_codes
from cnncodes.errors import UsageError
from cnncodes.estimators.stored import weigh_images
from cnncodes.heads.names import HEADS
from cnncodes.store import Codes


@pytest.fixture(scope="module")
def folder(pictures, backbone, tmp_path_factory):
    folder = tmp_path_factory.mktemp("codes") / "photos.codes"
    embed(pictures.root, folder, backbone=backbone, views="flip", dtype="float32", n_jobs=1)
    return folder


@pytest.fixture(scope="module")
def codes(folder) -> Codes:
    return read_codes(folder)


@pytest.fixture(scope="module")
def light(codes) -> Codes:
    """The same with numbers for labels: how light each image is, in about."""
    return relabel(codes, [f"{value:.6f}" for value in codes.X.mean(axis=1)[::2].repeat(2)])


def relabel(codes: Codes, labels: list[str]) -> Codes:
    at = codes.rows.schema.get_field_index("label")
    rows = codes.rows.set_column(at, codes.rows.schema.field("label"), pa.array(labels))
    return dataclasses.replace(codes, rows=rows)


def name_sets(codes: Codes) -> Codes:
    return relabel(codes, ["red|warm" if name == "red" else f"{name}|grey" for name in codes.y])


def repeat(codes: Codes, keys: set[str]) -> Codes:
    """Return codes with a copy of some images, which have the same content."""
    wanted = np.isin(np.asarray(codes.images, dtype=str), list(keys))
    rows = codes.rows.filter(pa.array(wanted))
    at = rows.schema.get_field_index("image")
    names = pa.array([f"{key}~" for key in rows.column("image").to_pylist()])
    rows = rows.set_column(at, codes.rows.schema.field("image"), names)
    return dataclasses.replace(
        codes, X=np.concatenate([codes.X, codes.X[wanted]]), rows=pa.concat_tables([codes.rows, rows])
    )


def weigh(codes: Codes, weights: dict[str, float]) -> np.ndarray:
    return np.array([weights.get(str(key), 1.0) for key in codes.images])


@pytest.fixture
def fit(backbone):
    def build(make: type, data: Codes, head: str, weight: np.ndarray | None = None, **params: object):
        views = {"train_views": "flip", "test_views": "flip"}
        estimator = make(backbone, head, n_jobs=1, **views, **params)
        return estimator.fit_codes(data, sample_weight=weight)

    return build


def test_weights_are_those_of_fit_on_the_images(fit, codes, pictures, backbone):
    keys = sorted(set(map(str, codes.images)))
    weights = dict(zip(keys, np.arange(18) % 4 + 0.5, strict=True))
    stored = fit(ImageClassifier, codes, "ridge", weigh(codes, weights))
    by_images = ImageClassifier(backbone, "ridge", n_jobs=1).fit(
        [pictures.root / key for key in keys],
        [key.split("/")[0] for key in keys],
        sample_weight=[weights[key] for key in keys],
    )
    found, expected = (one.predict_proba(pictures.arrays) for one in (stored, by_images))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
def test_weight_zero_leaves_an_image_out(fit, codes, pictures, head):
    out = {"dark/00.png", "light/06.png", "red/12.png"}
    weighted = fit(ImageClassifier, codes, head, weigh(codes, dict.fromkeys(out, 0.0)))
    keep = ~np.isin(np.asarray(codes.images, dtype=str), list(out))
    kept = dataclasses.replace(codes, X=codes.X[keep], rows=codes.rows.filter(pa.array(keep)))
    without = fit(ImageClassifier, kept, head)
    found, expected = (one.predict_proba(pictures.arrays) for one in (weighted, without))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
def test_a_whole_weight_is_as_many_copies(fit, codes, pictures, head):
    twice = {"dark/01.png", "light/07.png", "light/08.png", "red/15.png"}
    weighted = fit(ImageClassifier, codes, head, weigh(codes, dict.fromkeys(twice, 2.0)))
    copied = fit(ImageClassifier, repeat(codes, twice), head)
    found, expected = (one.predict_proba(pictures.arrays) for one in (weighted, copied))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("head", ["ridge", "knn", "kernel-ridge"])
def test_weights_of_numbers_are_copies_too(fit, light, pictures, head):
    three = set(map(str, light.images[::6]))
    weighted = fit(ImageRegressor, light, head, weigh(light, dict.fromkeys(three, 2.0)))
    copied = fit(ImageRegressor, repeat(light, three), head)
    found, expected = (one.predict(pictures.arrays) for one in (weighted, copied))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_weights_of_several_labels_leave_out(fit, codes, pictures):
    sets, out = name_sets(codes), {"dark/00.png", "red/12.png"}
    weighted = fit(
        ImageMultiLabelClassifier, sets, "ridge", weigh(sets, dict.fromkeys(out, 0.0)), label_delimiter="|"
    )
    keep = ~np.isin(np.asarray(codes.images, dtype=str), list(out))
    kept = dataclasses.replace(sets, X=sets.X[keep], rows=sets.rows.filter(pa.array(keep)))
    without = fit(ImageMultiLabelClassifier, kept, "ridge", label_delimiter="|")
    found, expected = (one.predict_proba(pictures.arrays) for one in (weighted, without))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_rows_without_a_label_take_no_weight(codes):
    labels = [None if i < 4 else label for i, label in enumerate(codes.y)]
    part = relabel(codes, labels)
    weights = weigh_images(part, np.arange(len(part)) // 2 + 1.0)
    assert weights is not None and weights.tolist() == list(range(3, 19))
    assert weigh_images(part, None) is None


def test_wrong_weights_are_refused(fit, codes):
    ones = np.ones(len(codes))
    with pytest.raises(
        UsageError, match="sample_weight must have one value a row of the codes: 36. Got shape"
    ):
        fit(ImageClassifier, codes, "ridge", ones[:18])
    with pytest.raises(UsageError, match="1 of 36 are not, the first is -2 at position 5"):
        fit(ImageClassifier, codes, "ridge", np.where(np.arange(36) == 5, -2.0, 1.0))
    with pytest.raises(
        UsageError, match="rows 4 and 5, of the image 'dark/02.png', have the weights 1 and 3"
    ):
        fit(ImageClassifier, codes, "ridge", np.where(np.arange(36) == 5, 3.0, 1.0))
    with pytest.raises(UsageError, match="takes no sample_weight: leave it out"):
        fit(ImageClassifier, codes, KNeighborsClassifier(1), ones)


@pytest.mark.parametrize("head", ["ridge", "lda", "centroid", "logistic"])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_weights_of_codes_in_blocks_are_those_of_codes_in_memory(
    fit, codes, folder, pictures, head, class_weight
):
    keys = sorted(set(map(str, codes.images)))
    weights = {key: [0.0, 0.5, 1.0, 3.0][number % 4] for number, key in enumerate(keys)}
    given = weigh(codes, weights)
    kept, streamed, plain = (
        fit(ImageClassifier, data, head, weight, class_weight=class_weight)
        for data, weight in ((codes, given), (open_codes(folder), given), (codes, None))
    )
    assert streamed.head_.C_ == kept.head_.C_ and streamed.head_.scaling_ == kept.head_.scaling_
    coefs = (one.head_.coef_ / np.abs(one.head_.coef_).max() for one in (streamed, kept, plain))
    found, expected, without = coefs
    # A descent over blocks ends where the objective is known to 1e-5, and weights to the root of that.
    np.testing.assert_allclose(found, expected, atol=2e-2 if head == "logistic" else 1e-6)
    assert np.abs(found - without).max() > 0.04
    novelty = (one.novelty(pictures.arrays) for one in (streamed, kept))
    np.testing.assert_allclose(*novelty, atol=1e-3)
    np.testing.assert_allclose(streamed.predictor_.shares, kept.predictor_.shares)
    np.testing.assert_array_equal(streamed.predictor_.trained, kept.predictor_.trained)
    assert len(kept.predictor_.trained) == kept.n_images_ == streamed.n_images_ == 13  # those that count


def test_codes_in_blocks_of_fewer_than_two_classes_that_count_are_refused(codes, folder, make):
    one = np.array([str(label) == "dark" for label in codes.y], dtype=float)
    with pytest.raises(UsageError, match="sample_weight leaves fewer than two classes"):
        make("ridge", train_views="flip", test_views="flip").fit_codes(open_codes(folder), sample_weight=one)


def test_novelty_is_that_of_copies(fit, codes, pictures):
    counts = {str(key): 1.0 + (number % 3) for number, key in enumerate(sorted(set(codes.images)))}
    twice, thrice = ({key for key, count in counts.items() if count >= least} for least in (2, 3))
    more = repeat(repeat(codes, twice), {f"{key}~" for key in thrice})
    weighted = fit(ImageClassifier, codes, "ridge", weigh(codes, counts))
    copied, plain = fit(ImageClassifier, more, "ridge"), fit(ImageClassifier, codes, "ridge")
    noise = list(np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8))
    found, expected, without = (one.novelty(pictures.arrays + noise) for one in (weighted, copied, plain))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(found - without).max() > 0.02
