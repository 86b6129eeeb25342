"""The cross-validated choice, and heads by name or object."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, HalvingGridSearchCV, KFold, LeaveOneGroupOut
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cnncodes.errors import UsageError
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.folds import Rows, make_splits, number_rows
from cnncodes.heads.linear_kinds import LINEAR_KINDS
from cnncodes.heads.names import LINEAR
from cnncodes.heads.selection import fit_head, make_head


def rows_of(y, groups, images=None):
    y = np.asarray(y)
    images = np.arange(len(y)) if images is None else images
    ones = np.ones(len(y))
    return Rows(np.eye(len(y)), y, ones, ones, images, np.asarray(groups), y.max() + 1, np.arange(len(y)))


def random_labels(seed=0):
    """Copies of 40 codes whose labels mean nothing: only who sees a copy in training can know them."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(40) % 2)
    index = np.repeat(np.arange(40), 4)
    X = rng.normal(size=(40, 60))[index] + rng.normal(size=(160, 60)) * 1e-3
    return X, y[index], index


@pytest.mark.slow
@pytest.mark.parametrize("kind", LINEAR)
@pytest.mark.parametrize("given", ["groups", "images"])
def test_copies_in_a_group_leak_nothing(kind, given):
    accuracy, leaky = [], []
    for seed in range(4):
        X, y, index = random_labels(seed)
        accuracy.append(np.nanmean(LinearHead(kind).fit(X, y, **{given: index}).cv_results_["accuracy"]))
        leaky.append(np.nanmax(LinearHead(kind).fit(X, y).cv_results_["accuracy"]))
    assert np.mean(accuracy) < 0.65
    # The control: without groups the copies do leak; of them a class's mean has less than a fitted plane.
    assert np.mean(leaky) > (0.75 if kind == "centroid" else 0.95)


def test_equal_codes_are_a_group_by_themselves():
    X, y, index = random_labels()
    X = X[::4][index]
    assert np.nanmean(LinearHead("ridge").fit(X, y).cv_results_["accuracy"]) < 0.7
    groups, images = number_rows(np.array([[0.0, 1], [-0.0, 1], [2, 1]]), None, None)
    assert groups[0] == groups[1] != groups[2] and len(set(images)) == 3


@pytest.mark.parametrize("seed", range(5))
def test_folds_keep_groups_and_classes(seed):
    rng = np.random.default_rng(seed)
    groups = np.unique(rng.integers(0, 50, 300), return_inverse=True)[1]
    y = rng.integers(0, 3, 50)[groups]
    splits = make_splits(rows_of(y, groups), 5, seed)
    assert len(splits) == 5
    np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in splits])), np.arange(300))
    for train, test in splits:
        assert not set(groups[train]) & set(groups[test])
        assert set(y[train]) == set(y[test]) == {0, 1, 2}


def test_fewer_folds_where_most_are_of_small_classes_and_not_for_one_of_them():
    y = np.array([0] * 20 + [1] * 3)
    splits = make_splits(rows_of(y, np.arange(23)), 5, 0)
    assert len(splits) == 5 and sorted(np.sum(y[test] == 1) for _, test in splits) == [0, 0, 1, 1, 1]
    assert all(np.sum(y[train] == 1) >= 2 for train, _ in splits)
    few = np.repeat([0, 1, 2], 3)
    assert len(make_splits(rows_of(few, np.arange(9)), 5, 0)) == 3
    assert make_splits(rows_of(y, np.array([*range(20), 20, 20, 20])), 5, 0) == []
    assert make_splits(rows_of([0, 1, 0, 1], [0, 0, 1, 1]), 5, 0) != []  # groups of mixed classes


@pytest.mark.parametrize("kind", LINEAR)
def test_too_few_groups_to_choose(kind):
    X = np.random.default_rng(0).normal(size=(5, 3))
    with pytest.warns(UserWarning, match="scaling='l2'; give at least 2 images of each class") as told:
        head = LinearHead(kind).fit(X, list("aaaab"))
    assert ("Used C=1" in str(told[0].message)) == (kind != "centroid")
    assert {"centroid": None, "logistic": 100.0}.get(kind, 1.0) == head.C_
    assert (head.scaling_, head.n_folds_, head.cv_results_) == ("l2", 0, {})


@pytest.mark.parametrize("kind", LINEAR)
def test_choice_is_the_best_of_the_table(kind):
    rng = np.random.default_rng(1)
    y = np.arange(600) % 4
    X = rng.normal(size=(4, 80))[y] * 0.25 + rng.normal(size=(600, 80))
    head = LinearHead(kind).fit(X, y)
    table = head.cv_results_
    best = np.argmin(table["log_loss"])
    assert table["scaling"][best] == head.scaling_
    assert ("C" in table) == (kind != "centroid") and table.get("C", [None] * 2)[best] == head.C_
    assert table["accuracy"][best] > 0.7 and table["temperature"][best] >= head.scorer_.temperature
    assert np.isinf(table["log_loss"]).any() == LINEAR_KINDS[kind].descends  # the sweep stopped early ...
    mine = table["log_loss"][(table["scaling"] == head.scaling_)]
    assert not LINEAR_KINDS[kind].descends or np.isfinite(mine[np.argmin(mine) + 1])  # ... but past the best


@pytest.mark.parametrize("kind", ["logistic", "linear-svm"])
def test_of_few_images_the_whole_grid_is_tried(kind):
    """A fold of a few says little of where the others have their best."""
    rng = np.random.default_rng(2)
    y = np.repeat([0, 1, 2], [20, 6, 4])
    X = 0.7 * rng.normal(size=(3, 40))[y] + rng.normal(size=(30, 40))
    assert np.isfinite(LinearHead(kind).fit(X, y).cv_results_["log_loss"]).all()


def test_ties_go_to_the_stronger_regularisation():
    X = np.tile([[1.0, 0.0], [1.0, 0.0]], (10, 1))  # nothing to learn: every C gives the same
    head = LinearHead("logistic", scaling="standard").fit(X, [0, 1] * 10, groups=np.arange(20) // 2)
    assert head.cv_results_["C"].min() == head.C_


def test_splits_of_ones_own():
    X, y, index = random_labels()
    by_object = LinearHead("ridge", cv=GroupKFold(4)).fit(X, y, groups=index)
    by_list = LinearHead("ridge", cv=list(GroupKFold(4).split(X, y, index))).fit(X, y)
    np.testing.assert_array_equal(by_object.cv_results_["log_loss"], by_list.cv_results_["log_loss"])
    with pytest.raises(UsageError, match="fold 1 of cv has no image of the class '1' to train on"):
        LinearHead(cv=[(np.flatnonzero(y == 0), np.flatnonzero(y == 1))]).fit(X, y)


@pytest.mark.parametrize("name", LINEAR)
def test_heads_by_name(name):
    head = make_head(name, class_weight="balanced", random_state=3, n_jobs=1)
    assert (head.kind, head.class_weight, head.random_state, head.n_jobs) == (name, "balanced", 3, 1)


def test_a_classifier_object_is_cloned():
    mine = KNeighborsClassifier(3)
    head = make_head(mine)
    assert head is not mine and head.get_params() == mine.get_params()


@pytest.mark.parametrize(
    ("head", "text"),
    [
        ("logistc", "Did you mean 'logistic'"),
        (LogisticRegression, r"give an object of it: LogisticRegression\(\)"),
        (Ridge(), "got Ridge, which is none"),
        (StandardScaler(), "got StandardScaler"),
        (None, "got NoneType"),
        (GridSearchCV(LogisticRegression(), {"C": [1]}, refit=False), "GridSearchCV with refit=False"),
    ],
)
def test_what_is_no_head(head, text):
    with pytest.raises(UsageError, match=text):
        make_head(head)


def test_class_weight_is_for_names():
    with pytest.raises(UsageError, match="on the classifier object"):
        make_head(LogisticRegression(), class_weight="balanced")


def test_fit_head_passes_what_is_taken():
    X, y, index = random_labels()
    weight = np.where(y == 1, 4.0, 0.1)
    extra = {"sample_weight": weight, "groups": index, "images": index}
    fit_head(KNeighborsClassifier(), X, y, **extra)  # takes none of them
    alone = fit_head(LogisticRegression(), StandardScaler().fit_transform(X), y, **extra)
    piped = fit_head(make_pipeline(StandardScaler(), make_pipeline(LogisticRegression())), X, y, **extra)
    np.testing.assert_allclose(
        piped.decision_function(X), alone.decision_function(StandardScaler().fit_transform(X))
    )
    np.testing.assert_allclose(
        alone.coef_,
        LogisticRegression().fit(StandardScaler().fit_transform(X), y, sample_weight=weight).coef_,
    )
    head = fit_head(make_head("ridge"), X, y, **extra)
    assert head.n_folds_ == 5 and np.nanmean(head.cv_results_["accuracy"]) < 1.0
    fit_head(CalibratedClassifierCV(LogisticRegression()), X, y, sample_weight=weight)
    with pytest.raises(UsageError, match="multi-label"):
        fit_head(KNeighborsClassifier(), X, np.column_stack([y, 1 - y]), **extra)


@pytest.mark.parametrize(
    "head",
    [
        GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=KFold(3, shuffle=True, random_state=0)),
        make_pipeline(StandardScaler(), CalibratedClassifierCV(KNeighborsClassifier())),
    ],
    ids=["grid search", "calibration in a pipeline"],
)
@pytest.mark.parametrize("given", ["images", "groups"])
def test_a_head_that_makes_its_own_folds_is_warned_of_where_images_have_several_rows(head, given):
    X, y, index = random_labels()
    with pytest.warns(UserWarning, match="rows of one image, or group, are on both sides.*a search whose cv"):
        fit_head(clone(head), X, y, **{given: index})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_head(clone(head), X, y, images=np.arange(len(X)))
        fit_head(make_head("ridge"), X, y, images=index, groups=index)


@pytest.mark.parametrize("given", ["groups", "images"])
@pytest.mark.parametrize(
    "head",
    [
        GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1]}),
        GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1]}, cv=LeaveOneGroupOut()),
        GridSearchCV(KNeighborsRegressor(), {"n_neighbors": [1]}, cv=4, scoring="r2"),
        HalvingGridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 2]}, cv=3, min_resources=80),
        make_pipeline(StandardScaler(), GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1]}, cv=3)),
    ],
    ids=["folds by default", "folds of groups", "regression", "halving", "in a pipeline"],
)
def test_the_folds_of_a_search_keep_groups_whole(head, given):
    X, y, index = random_labels()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = fit_head(head, X, y, **{given: index})
    search = fitted[-1] if hasattr(fitted, "steps") else fitted
    assert search.best_score_ < 0.75


def test_folds_within_a_search_know_no_groups_and_are_warned_of():
    X, y, index = random_labels()
    calibrated = CalibratedClassifierCV(LogisticRegression(), cv=2)
    with pytest.warns(UserWarning, match="CalibratedClassifierCV cross-validates by itself"):
        fit_head(GridSearchCV(calibrated, {"estimator__C": [1.0]}, cv=2), X, y, groups=index)
    with pytest.warns(UserWarning, match="of whole groups no two folds can be made here") as caught:
        fit_head(GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2), X, y, groups=y)  # one each
    assert "a search whose cv is a number" not in str(caught[0].message)


def test_a_search_within_a_search_weighs_rows_and_routing_changes_nothing():
    X, y, index = random_labels()
    weight = np.where(y == 1, 4.0, 0.1)
    inner = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2)
    head = GridSearchCV(make_pipeline(StandardScaler(), inner), {"memory": [None]}, cv=LeaveOneGroupOut())
    alone = LogisticRegression().fit(StandardScaler().fit_transform(X), y, sample_weight=weight)
    for routing in (False, True):
        with config_context(enable_metadata_routing=routing), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = fit_head(clone(head), X, y, sample_weight=weight, groups=index % 2)
        np.testing.assert_allclose(fitted.best_estimator_[-1].best_estimator_.coef_, alone.coef_)
    with config_context(enable_metadata_routing=True):
        fitted = fit_head(LogisticRegression(), StandardScaler().fit_transform(X), y, weight, index, index)
    np.testing.assert_allclose(fitted.coef_, alone.coef_)


def test_a_search_weighs_rows_and_leaves_folds_as_they_are_without_groups():
    X, y, index = random_labels()
    head = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"memory": [None]}, cv=2)
    weight = np.where(y == 1, 4.0, 0.1)
    fitted = fit_head(head, X, y, sample_weight=weight, groups=index)
    alone = LogisticRegression().fit(StandardScaler().fit_transform(X), y, sample_weight=weight)
    np.testing.assert_allclose(fitted.best_estimator_[-1].coef_, alone.coef_)
    assert fit_head(head, X, y, groups=np.arange(len(X))).cv == 2
    tree = GridSearchCV(LinearHead("ridge"), {"class_weight": [None, "balanced"]}, cv=3)
    assert fit_head(tree, X, y, np.ones(len(y)), index, index).best_score_ < 0.75


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=1), "got n_splits=1"),
        (GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=5), "greater than the number of samples"),
        (GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=GroupKFold(2)), "fits failed"),
        (make_pipeline(StandardScaler(), CalibratedClassifierCV(cv=2)), "less than 2 examples"),
        (LogisticRegressionCV(cv=1), "must be an int in the range"),
        (LogisticRegressionCV(cv=GroupKFold(2)), "'groups' parameter should not be None"),
    ],
    ids=["one fold", "too few images", "one class", "calibration", "no number", "groups"],
)
@pytest.mark.filterwarnings("ignore")
def test_folds_that_scikit_learn_cannot_make_are_said_in_a_sentence(head, said):
    X, y = np.eye(2), np.array(["a", "b"])
    last = head[-1] if hasattr(head, "steps") else head
    text = f"^{type(last).__name__} cannot cross-validate on 2 images of 2 groups by its own cv: .*{said}"
    with pytest.raises(UsageError, match=text):
        fit_head(head, X, y, groups=np.arange(2), images=np.arange(2))


def test_other_errors_of_scikit_learn_stay_what_they_are():
    X, y, _ = random_labels()
    with pytest.raises(ValueError, match="Input X contains NaN") as raised:
        fit_head(CalibratedClassifierCV(LogisticRegression()), np.where(X > 0, X, np.nan), y)
    assert not isinstance(raised.value, UsageError)
    with pytest.raises(UsageError, match="cv cannot divide the images, of 2 groups, into folds"):
        fit_head(LinearHead("ridge", cv=GroupKFold(5)), np.eye(2), np.array([0, 1]))
    with pytest.raises(UsageError, match="folds, or what makes them; got 'five'"):
        fit_head(LinearHead("ridge", cv="five"), X, y)


@pytest.mark.parametrize(
    "head", [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())]
)
def test_a_class_without_weight_is_not_known(head):
    X, y, index = random_labels()
    y = y + 1
    y[:4] = 0
    weight = (y > 0).astype(float)
    fitted = fit_head(head, X, y, weight, index, index)
    assert fitted.classes_.tolist() == make_head("ridge").fit(X, y, weight).classes_.tolist() == [1, 2]
