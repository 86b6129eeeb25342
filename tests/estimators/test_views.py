"""Views in the estimators: random ones, what they learn from training images, and what is averaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from cnncodes import CodeExtractor, ImageClassifier, ViewPlan, embed, load, read_codes
from cnncodes.embedding import measure_colors
from cnncodes.errors import UsageError
from cnncodes.images import records_from

Make = Callable[..., ImageClassifier]


@pytest.mark.slow
def test_random_views_by_name_follow_the_random_state(make: Make, pictures) -> None:
    plans = {}
    for state in (0, 7, None):
        clf = make(train_views="train:2", test_views="flip", random_state=state)
        plans[state] = clf.fit(pictures.arrays, pictures.labels).train_plan_
    assert plans[0] == plans[None] == ViewPlan.parse("train:2")
    assert plans[7] == ViewPlan.parse("train:2", random_state=7)


@pytest.mark.slow
def test_colours_are_those_of_the_training_images(make: Make, pictures, tmp_path: Path) -> None:
    clf = make(train_views="center, pca:1", test_views="pca:2").fit(pictures.arrays, pictures.labels)
    expected = measure_colors(records_from(pictures.arrays))
    assert clf.train_plan_.principal_colors == clf.predictor_.embedder.plan.principal_colors == expected
    clf.save(tmp_path / "x.cnncodes")
    np.testing.assert_array_equal(
        load(tmp_path / "x.cnncodes").decision_function(pictures.arrays),
        clf.decision_function(pictures.arrays),
    )
    assert clone(clf).train_views == "center, pca:1"  # what was given stays as it was given


def test_the_extractor_learns_them_in_fit(backbone, pictures) -> None:
    few, others = pictures.arrays[:4], pictures.arrays[4:6]
    extractor = CodeExtractor(backbone, views="pca:2", n_jobs=1).fit(few)
    assert extractor.plan_.principal_colors == measure_colors(records_from(few))
    again = CodeExtractor(backbone, views=extractor.plan_, n_jobs=1).fit(others)
    np.testing.assert_array_equal(extractor.transform(others), again.transform(others))
    with pytest.raises(UsageError, match="read only once: give a list"):
        CodeExtractor(backbone, views="pca:2").fit(iter(few))


@pytest.mark.slow
@pytest.mark.parametrize("aggregate", ["decision", "probability", "code"])
def test_what_is_averaged_is_chosen_and_saved(make: Make, pictures, tmp_path: Path, aggregate: str) -> None:
    clf = make("logistic", test_views="tencrop", aggregate=aggregate).fit(pictures.arrays, pictures.labels)
    clf.save(tmp_path / "x.cnncodes")
    again = load(tmp_path / "x.cnncodes")
    assert again.aggregate == aggregate
    np.testing.assert_array_equal(again.predict_proba(pictures.arrays), clf.predict_proba(pictures.arrays))


@pytest.mark.slow
def test_averages_differ(make: Make, pictures) -> None:
    answers = [
        make("logistic", test_views="tencrop", aggregate=name)
        .fit(pictures.arrays, pictures.labels)
        .predict_proba(pictures.arrays[:2])
        for name in ("decision", "probability")
    ]
    assert not np.allclose(*answers, rtol=1e-9)


def test_a_wrong_average_is_found_before_any_image_is_read(make: Make) -> None:
    with pytest.raises(UsageError, match="aggregate must be one of"):
        make(aggregate="max").fit(["no.jpg", "nowhere.jpg"], ["a", "b"])
    with pytest.raises(UsageError, match="SVC has none"):
        make(SVC(), aggregate="probability").fit(["no.jpg", "nowhere.jpg"], ["a", "b"])


def test_views_that_do_not_fit_the_network_are_found_before_any_image_is_read(make: Make) -> None:
    with pytest.raises(UsageError, match="every short side must be at least 224"):
        make(train_views=ViewPlan(short_sides=(200,))).fit(["no.jpg", "nowhere.jpg"], ["a", "b"])


@pytest.fixture(scope="module")
def stored(pictures, backbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stored") / "x.codes"
    embed(pictures.root, out, backbone=backbone, views="flip, train:2", dtype="float32")
    return out


def test_a_choice_of_stored_views_trains_as_those_views_do(make: Make, stored: Path, pictures) -> None:
    on_codes = make(train_views="flip").fit_codes(read_codes(stored).select(views="flip"))
    on_images = make(train_views="flip").fit(pictures.paths, pictures.labels)
    assert on_codes.train_plan_ == ViewPlan.parse("flip")
    np.testing.assert_array_equal(on_codes.predict(pictures.paths), on_images.predict(pictures.paths))
    np.testing.assert_allclose(on_codes.head_.coef_, on_images.head_.coef_)


def test_means_are_predicted_on_means(make: Make, backbone, pictures, tmp_path: Path) -> None:
    embed(pictures.root, tmp_path / "x.codes", backbone=backbone, views="flip", reduce="mean")
    codes = read_codes(tmp_path / "x.codes")
    assert make(test_views="flip").fit_codes(codes).predictor_.aggregate == "code"
    assert make(test_views="flip", aggregate="decision").fit_codes(codes).predictor_.aggregate == "decision"


def test_test_views_take_the_colours_of_the_codes(
    make: Make, backbone, stored: Path, pictures, tmp_path: Path
) -> None:
    embed(pictures.root, tmp_path / "x.codes", backbone=backbone, views="pca:1")
    codes = read_codes(tmp_path / "x.codes")
    clf = make(test_views="pca:2").fit_codes(codes)
    assert clf.predictor_.embedder.plan.principal_colors == ViewPlan.from_dict(codes.plan).principal_colors
    with pytest.raises(UsageError, match="principal colours.*codes' plan has none.*views write"):
        make(test_views="pca:2").fit_codes(read_codes(stored))


def test_averaged_decisions_of_any_classifier_have_no_probabilities(make: Make, pictures) -> None:
    clf = make(LogisticRegression(), aggregate="decision", test_views="flip").fit(
        pictures.arrays, pictures.labels
    )
    assert (clf.predict(pictures.arrays) == pictures.labels).all()
    with pytest.raises(UsageError, match="aggregate='decision' this head gives no probabilities"):
        clf.predict_proba(pictures.arrays[:1])


def test_stored_codes_are_pointed_to_their_own_fit(make: Make, stored: Path) -> None:
    with pytest.raises(UsageError, match="fit_codes"):
        make().fit(read_codes(stored))
