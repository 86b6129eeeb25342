"""What scikit-learn and its users expect of the four estimators."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks

from cnncodes import CodeExtractor, ImageClassifier, ImageMultiLabelClassifier, ImageRegressor, ViewPlan
from cnncodes.errors import UsageError
from cnncodes.heads.names import HEADS

ALL = [ImageClassifier, ImageMultiLabelClassifier, ImageRegressor, CodeExtractor]
#: scikit-learn's own checks that need no matrix of numbers.
CHECKS = (
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("estimator", ALL)
def test_scikit_learns_checks_of_parameters_and_tags(estimator, check):
    getattr(estimator_checks, check)(estimator.__name__, estimator())


@pytest.mark.parametrize("estimator", ALL)
def test_arguments_are_stored_untouched(estimator):
    names = [name for name in inspect.signature(estimator).parameters]
    given = {name: object() for name in names}
    built = estimator(**given)
    assert all(getattr(built, name) is value for name, value in given.items())
    assert built.get_params() == given
    assert set(vars(built)) == set(names)


@pytest.mark.parametrize("estimator", ALL)
def test_all_but_backbone_and_head_are_given_by_name(estimator):
    kinds = {p.name: p.kind for p in inspect.signature(estimator).parameters.values()}
    positional = [name for name, kind in kinds.items() if kind is not inspect.Parameter.KEYWORD_ONLY]
    assert positional in (["backbone", "head"], ["backbone"])


def test_parameters_of_a_head_object_are_reached_by_name():
    clf = ImageClassifier(head=LogisticRegression(C=3))
    assert clf.get_params()["head__C"] == 3
    assert clf.set_params(head__C=5, train_views=ViewPlan.parse("flip")).head.C == 5
    with pytest.raises(ValueError, match="Invalid parameter 'heda'"):
        clf.set_params(heda="ridge")


def test_clone_forgets_the_fit_and_shares_the_network(make, pictures):
    fitted = make().fit(*pictures.two())
    copied = clone(fitted)
    assert copied.get_params() == fitted.get_params()
    assert [name for name in vars(copied) if name.endswith("_")] == []
    assert copied.backbone is fitted.backbone


def test_repr_names_what_is_not_the_default():
    assert repr(ImageClassifier(head="ridge")) == "ImageClassifier(head='ridge')"
    assert repr(ImageRegressor(head="knn")) == "ImageRegressor(head='knn')"
    assert repr(CodeExtractor(views="flip")) == "CodeExtractor(views='flip')"


@pytest.mark.parametrize(
    "use",
    [
        lambda clf, X: clf.predict(X),
        lambda clf, X: clf.predict_proba(X),
        lambda clf, X: clf.decision_function(X),
        lambda clf, X: clf.score(X, ["dark"] * len(X)),
        lambda clf, X: clf.save("never.cnncodes"),
    ],
)
def test_not_fitted(use, pictures):
    with pytest.raises(NotFittedError):
        use(ImageClassifier(), pictures.arrays[:2])
    assert not Path("never.cnncodes").exists()


@pytest.mark.parametrize(
    "use",
    [
        lambda reg, X: reg.predict(X),
        lambda reg, X: reg.predict_interval(X),
        lambda reg, X: reg.novelty(X),
        lambda reg, X: reg.score(X, [1.0] * len(X)),
        lambda reg, X: reg.save("never.cnncodes"),
    ],
)
def test_regressor_not_fitted(use, pictures):
    with pytest.raises(NotFittedError):
        use(ImageRegressor(), pictures.arrays[:2])
    assert not Path("never.cnncodes").exists()


def test_extractor_not_fitted(pictures):
    with pytest.raises(NotFittedError):
        CodeExtractor().transform(pictures.arrays[:2])
    with pytest.raises(NotFittedError):
        CodeExtractor().get_feature_names_out()


def test_fit_returns_self_and_forgets_the_fit_before(make, pictures):
    clf = make("ridge", memory=None).fit(pictures.arrays, pictures.labels)
    X, y = pictures.two()
    assert clf.set_params(head="logistic", train_views="flip").fit(X, y == "dark") is clf
    fresh = make("logistic", train_views="flip").fit(X, y == "dark")
    assert set(vars(clf)) == set(vars(fresh))
    assert clf.classes_.tolist() == [False, True] and clf.n_images_ == 12
    np.testing.assert_array_equal(clf.predict_proba(X), fresh.predict_proba(X))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("head", HEADS)
def test_shapes_and_agreement_of_the_answers(make, pictures, head, n_classes):
    X, y = pictures.arrays[: 6 * n_classes], pictures.labels[: 6 * n_classes]
    clf = make(head).fit(X, y)
    assert clf.classes_.tolist() == sorted(set(y))
    proba, decision = clf.predict_proba(X), clf.decision_function(X)
    assert proba.shape == (len(X), n_classes)
    assert decision.shape == ((len(X),) if n_classes == 2 else (len(X), n_classes))
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[proba.argmax(axis=1)])
    least = 0.8 if head in ("centroid", "knn", "auto") else 1.0  # these two do not learn rows by heart
    assert clf.score(X, y) == (clf.predict(X) == y).mean() >= least


def test_one_row_an_image_in_the_order_given(make, pictures):
    clf = make(test_views="flip").fit(pictures.arrays, pictures.labels)
    order = [13, 2, 2, 7]
    mixed = [pictures.arrays[i] for i in order]
    np.testing.assert_array_equal(clf.predict(mixed), pictures.labels[order])
    every = clf.predict_proba(pictures.arrays)
    np.testing.assert_array_equal(clf.predict_proba(mixed), every[order])
    assert clf.predict([]).shape == (0,)
    assert clf.predict_proba([]).shape == (0, 3)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ((7, -2), np.int64),
        (np.array([3, 1], dtype=np.int8), np.int8),
        (np.array([3, 1], dtype=object), np.int64),
        ((True, False), np.bool_),
        ((1.0, 2.0), np.float64),
        (("cat", "elephant"), np.dtype("<U8")),
        (np.array(["cat", "elephant"], dtype=object), np.dtype("<U8")),
    ],
)
def test_classes_keep_their_type(make, pictures, values, dtype):
    X, y = pictures.two()
    named = np.asarray(values)[(y == "light").astype(int)]
    named = named if isinstance(values, np.ndarray) else named.tolist()
    clf = make().fit(X, named)
    assert clf.classes_.dtype == dtype and clf.predict(X).dtype == dtype
    assert clf.predict(X).tolist() == list(named)
    assert clf.score(X, named) == 1.0


@pytest.mark.parametrize(
    "wrap",
    [
        list,
        tuple,
        iter,
        pd.Series,
        lambda y: pd.Series(y, dtype="category"),
        lambda y: pd.DataFrame({"y": y}),
        lambda y: np.asarray(y)[:, None],
    ],
)
@pytest.mark.parametrize("kind", ["text", "numbers"])
def test_labels_in_any_container(make, pictures, wrap, kind):
    X, y = pictures.two()
    y = y if kind == "text" else (y == "light").astype(int)
    assert make().fit(X, wrap(y)).predict(X).tolist() == y.tolist()


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (ImageClassifier, ["a", "b"] * 3),
        (ImageRegressor, range(6)),
        (ImageMultiLabelClassifier, [{"a"}, {"b"}] * 3),
    ],
)
def test_no_images_are_no_score(estimator, y, pictures, backbone, memory):
    views = {"train_views": "center", "test_views": "center"}
    fitted = estimator(backbone, memory=memory, **views).fit(pictures.arrays[:6], y)
    with pytest.raises(UsageError, match="there are no images to score"):
        fitted.score([], [])


def test_a_regressor_is_one_to_scikit_learn(pictures):
    assert is_regressor(ImageRegressor()) and not is_classifier(ImageRegressor())
    assert is_regressor(Pipeline([("predict", ImageRegressor())]))
    twin = pickle.loads(pickle.dumps(ImageRegressor(head="knn")))
    assert twin.get_params() == ImageRegressor(head="knn").get_params()


def test_pipeline_of_extractor_and_scikit_learn(backbone, memory, pictures):
    pipeline = make_pipeline(
        CodeExtractor(backbone, memory=memory, n_jobs=1), StandardScaler(), LogisticRegression()
    )
    pipeline.fit(pictures.paths, pictures.labels)
    assert pipeline.score(pictures.paths, pictures.labels) == 1.0
    assert pipeline[:-1].get_feature_names_out()[[0, -1]].tolist() == ["code0", "code1279"]
    table = clone(pipeline[:-1]).set_output(transform="pandas").fit_transform(pictures.paths)
    assert list(table.columns) == [f"code{i}" for i in range(1280)]


def test_classifier_as_the_last_step(make, pictures):
    pipeline = Pipeline([("classify", make())])
    assert pipeline.fit(pictures.paths, pictures.labels).score(pictures.paths, pictures.labels) == 1.0
    assert pipeline.predict_proba(pictures.paths[:4]).shape == (4, 3)


def test_grid_search_over_heads_and_views(make, pictures):
    grid = {"head": ["ridge", LogisticRegression()], "train_views": ["center", "flip"]}
    search = GridSearchCV(make(), grid, cv=2, scoring="neg_log_loss", error_score="raise")
    search.fit(pictures.paths, pictures.labels)
    assert len(search.cv_results_["params"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.predict(pictures.paths[:1]).tolist() == ["dark"]


@pytest.mark.parametrize("wrap", [list, np.array, lambda p: np.array([str(x) for x in p]), pd.Series])
def test_cross_val_score_on_paths(make, pictures, wrap):
    scores = cross_val_score(
        make(), wrap(pictures.paths), pictures.labels, cv=2, scoring="accuracy", error_score="raise"
    )
    assert scores.mean() > 0.9


@pytest.mark.parametrize("ensemble", [BaggingClassifier, AdaBoostClassifier])
def test_ensembles_that_want_a_matrix_take_a_column_of_paths(make, pictures, ensemble):
    X = np.array([str(path) for path in pictures.paths])
    made = ensemble(make(), n_estimators=2, random_state=0)
    with pytest.raises(ValueError, match="Expected 2D array"):
        made.fit(X, pictures.labels)
    assert made.fit(X[:, None], pictures.labels).score(X[:, None], pictures.labels) > 0.8


def test_cross_val_score_on_one_array_of_all(make, pictures):
    scores = cross_val_score(make(), np.stack(pictures.arrays), pictures.labels, cv=2, error_score="raise")
    assert scores.mean() > 0.9


@pytest.mark.slow
def test_other_processes_share_the_cache(pictures, tmp_path):
    clf = ImageClassifier(train_views="center", test_views="center", memory=tmp_path / "memory", n_jobs=1)
    grid = {"head": ["ridge", LogisticRegression()]}
    here = GridSearchCV(clone(clf).set_params(memory=None), grid, cv=2, error_score="raise")
    there = GridSearchCV(clf, grid, cv=2, n_jobs=2, error_score="raise")
    for search in (here, there):
        search.fit(pictures.arrays, pictures.labels)
    np.testing.assert_array_equal(here.cv_results_["mean_test_score"], there.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(here.predict_proba(pictures.arrays), there.predict_proba(pictures.arrays))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda clf: pickle.loads(pickle.dumps(clf))])
def test_a_fitted_classifier_can_be_copied(make, pictures, duplicate: Callable):
    X, y = pictures.two()
    clf = make("logistic").fit(X, y)
    twin = duplicate(clf)
    np.testing.assert_array_equal(twin.predict_proba(X), clf.predict_proba(X))
    extractor = CodeExtractor(clf.backbone).fit(X)
    np.testing.assert_array_equal(duplicate(extractor).transform(X[:2]), extractor.transform(X[:2]))


def test_the_same_seed_gives_the_same_bits_whatever_the_lanes(make, pictures):
    one, two, other = (
        make("ridge", random_state=seed, n_jobs=n, memory=None).fit(pictures.arrays, pictures.labels)
        for seed, n in ((1, 1), (1, 2), (2, 1))
    )
    np.testing.assert_array_equal(one.head_.coef_, two.head_.coef_)
    table, same, differing = (clf.head_.cv_results_["log_loss"] for clf in (one, two, other))
    np.testing.assert_array_equal(table, same)
    assert not np.array_equal(table, differing)


def test_metadata_routing_brings_groups_and_weights(make, pictures):
    X, y = pictures.two()
    groups = np.r_[0, 0, 2:12]
    weight = np.where(np.arange(len(X)) == 1, 0.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        clf = make().set_fit_request(groups=True, sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(clf, {"head": ["ridge"]}, cv=StratifiedGroupKFold(2), error_score="raise")
        search.fit(X, y, groups=groups, sample_weight=weight)
    expected = make().fit(X, y, groups=groups, sample_weight=weight)
    np.testing.assert_array_equal(search.best_estimator_.head_.coef_, expected.head_.coef_)


def test_scorers_of_scikit_learn_take_the_columns_as_classes(make, pictures):
    clf = make("logistic").fit(pictures.arrays, pictures.labels)
    assert log_loss(pictures.labels, clf.predict_proba(pictures.arrays), labels=clf.classes_) < 0.3
