"""Weights that cannot be right are refused in the same words by whatever takes weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cnncodes import ImageClassifier, ImageMultiLabelClassifier, ImageRegressor, embed, open_codes, read_codes
from cnncodes.errors import UsageError
from cnncodes.evaluation import cross_validate
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.multilabel.linear import LinearLabelHead
from cnncodes.heads.regression.ridge import RidgeRegressionHead

N = 18


def put(value: Any, position: int = 2) -> list[Any]:
    return [value if i == position else 1.0 for i in range(N)]


#: What is given, and what is said of it.
WRONG = {
    "negative": (put(-2), "1 of 18 are not, the first is -2 at position 2"),
    "not a number": (put(np.nan), "1 of 18 are not, the first is nan at position 2"),
    "infinite": (put(np.inf), "1 of 18 are not, the first is inf at position 2"),
    "huge whole number": (put(10**400), "1 of 18 are not, the first is inf at position 2"),
    "none": (put(None), "must be numbers. Got 'None', of the type NoneType, at position 2"),
    "missing": (pd.Series(put(pd.NA)), "must be numbers. Got '<NA>', of the type NAType, at position 2"),
    "texts": (["1"] * N, "must be numbers. Got the type <U1"),
    "a text": (np.array(put("1"), dtype=object), "must be numbers. Got '1', of the type str, at position 2"),
    "complex": (np.ones(N) + 1j, "must be numbers. Got the type complex128"),
    "complex objects": (np.array(put(1j), dtype=object), "Got '1j', of the type complex, at position 2"),
    "booleans": (np.ones(N, dtype=bool), "must be numbers. Got booleans: give 1 and 0"),
    "times": (np.zeros(N, "datetime64[s]"), "must be numbers. Got the type datetime64"),
    "masked": (np.ma.array(np.ones(N), mask=put(True) == np.array(True)), "masked values, the first at"),
    "a column": (np.ones((N, 1)), r"must have one value .*: 18. Got shape \(18, 1\)"),
    "too few": (np.ones(N - 1), r"must have one value .*: 18. Got shape \(17,\)"),
    "one number": (2.0, r"must have one value .*: 18. Got shape \(\)"),
    "lists": ([[1.0], [1.0, 2.0]], "must have one value .*: 18. Got lists"),
    "all zero": (np.zeros(N), "is zero for all 18 of them"),
}


@pytest.fixture(scope="module")
def enter(pictures, backbone, memory, tmp_path_factory):
    """Return a function that gives weights to everything that takes some."""
    common = {"backbone": backbone, "train_views": "center", "test_views": "center", "memory": memory}
    folder = tmp_path_factory.mktemp("codes") / "photos.codes"
    embed(pictures.root, folder, backbone=backbone, views="center", dtype="float32", n_jobs=1)
    codes, X, y = read_codes(folder), pictures.arrays, pictures.labels
    sets = [{"red"} if name == "red" else {str(name), "grey"} for name in y]
    lightness = np.linspace(0, 1, N)
    classifier = ImageClassifier(head="ridge", **common).fit(X, y)
    regressor = ImageRegressor(**common).fit(X, lightness)
    labeller = ImageMultiLabelClassifier(head="ridge", **common).fit(X, sets)
    Y = labeller.classes_ == np.array(y)[:, None]
    entries = {
        "classifier": lambda w: ImageClassifier(head="ridge", **common).fit(X, y, w),
        "regressor": lambda w: ImageRegressor(**common).fit(X, lightness, w),
        "multi-label": lambda w: ImageMultiLabelClassifier(head="ridge", **common).fit(X, sets, w),
        "codes": lambda w: ImageClassifier(head="ridge", **common).fit_codes(codes, sample_weight=w),
        "codes in blocks": lambda w: ImageClassifier(head="ridge", **common).fit_codes(
            open_codes(folder), sample_weight=w
        ),
        "cross-validation": lambda w: cross_validate(classifier, X, y, sample_weight=w, cv=2),
        "cross-validation of codes": lambda w: cross_validate(classifier, codes, sample_weight=w, cv=2),
        "score": lambda w: classifier.score(X, y, w),
        "score of numbers": lambda w: regressor.score(X, lightness, w),
        "score of labels": lambda w: labeller.score(X, sets, w),
        "head": lambda w: LinearHead("ridge", cv=2).fit(codes.X, y, sample_weight=w),
        "head of numbers": lambda w: RidgeRegressionHead(cv=2).fit(codes.X, lightness, sample_weight=w),
        "head of labels": lambda w: LinearLabelHead("ridge", cv=2).fit(codes.X, Y, sample_weight=w),
    }
    return entries


ENTRIES = (
    "classifier",
    "regressor",
    "multi-label",
    "codes",
    "codes in blocks",
    "cross-validation",
    "cross-validation of codes",
    "score",
    "score of numbers",
    "score of labels",
    "head",
    "head of numbers",
    "head of labels",
)


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_weights_are_told_alike(enter, entry, wrong):
    given, said = WRONG[wrong]
    with pytest.raises(UsageError, match=f"sample_weight .*{said}"):
        enter[entry](given)


def test_weights_of_a_series_are_taken_by_position(make, pictures):
    weight = np.where(np.arange(N) % 6 == 0, 0.0, 1.0)
    series = pd.Series(weight, index=np.arange(N)[::-1])
    assert series[0] != weight[0] or series[5] != weight[5]  # by label it would be another one
    X = pictures.arrays
    one, other = (make().fit(X, pictures.labels, w).predict_proba(X) for w in (weight, series))
    np.testing.assert_array_equal(one, other)


def test_numbers_of_any_type_are_weights(make, pictures):
    X, expected = pictures.arrays, make().fit(pictures.arrays, pictures.labels).predict_proba(pictures.arrays)
    for weight in ([1] * N, np.ones(N, "float16"), np.ones(N, object), np.ma.ones(N), pd.Series([1] * N)):
        found = make().fit(X, pictures.labels, weight).predict_proba(X)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("weight", [1e-9, 1e9])
def test_the_bounds_are_of_images_and_not_of_their_views(make, pictures, weight):
    clf = make("centroid", train_views="flip")
    with pytest.warns(UserWarning, match="sample_weight counts copies of images"):
        assert clf.fit(pictures.arrays, pictures.labels, np.full(N, weight)).n_images_ == N
    with pytest.raises(UsageError, match="sample_weight must be 0 or from 1e-09 to 1e"):
        clf.fit(pictures.arrays, pictures.labels, np.full(N, weight**1.01))


def test_codes_are_cross_validated_with_the_weights_of_their_images(make, pictures, backbone, tmp_path):
    embed(pictures.root, tmp_path / "a.codes", backbone=backbone, views="flip", dtype="float32", n_jobs=1)
    codes = read_codes(tmp_path / "a.codes")
    clf = make("ridge", train_views="flip", test_views="flip")
    weight = np.where(np.arange(N) % 6 == 5, 0.0, 1.0 + np.arange(N) % 3)
    keys = sorted(set(codes.images))
    rows = np.array([weight[keys.index(key)] for key in codes.images])
    of_codes = cross_validate(clf, codes, sample_weight=rows, cv=3)
    of_images = cross_validate(clf, pictures.paths, pictures.labels, sample_weight=weight, cv=3)
    assert of_codes.evaluation.n == of_images.evaluation.n == 15
    np.testing.assert_allclose(of_codes.proba, of_images.proba, atol=1e-5)
    plain = cross_validate(clf, codes, cv=3)
    assert plain.evaluation.n == 18 and np.abs(plain.proba[0][:4] - of_codes.proba[0][:4]).max() > 1e-6
    with pytest.raises(UsageError, match="have the weights 1 and 3: sample_weight is of images"):
        cross_validate(clf, codes, sample_weight=np.where(np.arange(36) == 5, 3.0, 1.0), cv=3)
    with pytest.raises(UsageError, match="stored codes have their labels and groups: leave out y"):
        cross_validate(clf, codes, codes.y)
