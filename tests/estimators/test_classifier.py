"""Fitting on whatever holds images and labels, with any head, and saying what is wrong."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
from PIL import Image
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, StratifiedGroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from cnncodes import embed, load, read_codes
from cnncodes.errors import (
    BackboneError,
    ResultWarning,
    SourceError,
    SpaceMismatch,
    UnreadableImages,
    UsageError,
)
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.names import HEADS
from cnncodes.images import open_source, records_from


class NearestMean(ClassifierMixin, BaseEstimator):
    """The least that a classifier of one's own has."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.means_ = np.array([X[y == name].mean(axis=0) for name in self.classes_])
        self.rows_ = len(X)
        return self

    def predict(self, X):
        return self.classes_[((X[:, None] - self.means_) ** 2).sum(axis=2).argmin(axis=1)]


# What is given


def test_a_folder_of_class_folders_brings_its_labels(make, pictures):
    by_folder = make().fit(pictures.root)
    by_list = make().fit(pictures.paths, pictures.labels)
    np.testing.assert_array_equal(by_folder.head_.coef_, by_list.head_.coef_)
    assert by_folder.score(pictures.root) == 1.0
    assert by_folder.predict(str(pictures.root)).tolist() == pictures.labels.tolist()


def test_a_splitter_of_the_head_divides_views_and_is_given_what_belongs_together(make, pictures):
    class Recorded(StratifiedGroupKFold):
        def split(self, X, y=None, groups=None):
            seen.append((len(X), np.bincount(groups).tolist()))
            return super().split(X, y, groups)

    seen = []
    clf = make(LinearHead("ridge", cv=Recorded(3)), train_views="flip", test_views="flip")
    clf.fit(pictures.paths, pictures.labels)
    n = len(pictures.paths)
    assert seen == [(2 * n, [2] * n)]
    assert clf.head_.n_folds_ == 3


def test_a_folder_with_parts_is_fitted_on_train_and_scored_on_test(make, pictures, tmp_path):
    for part, wrong in (("train", False), ("val", True), ("test", True)):
        for path, label in zip(pictures.paths, pictures.labels, strict=True):
            label = "red" if wrong and label == "dark" else label
            target = tmp_path / part / label / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if part == "train" or label != "light":
                shutil.copy(path, target)
    clf = make().fit(tmp_path)
    assert clf.n_images_ == 18
    assert clf.score(tmp_path) == 0.5  # the six dark ones lie in the wrong folder of test/
    np.testing.assert_array_equal(clf.predict(pictures.paths), pictures.labels)


def test_a_folder_without_classes_names_itself(make, pictures, tmp_path):
    shutil.copy(pictures.paths[0], tmp_path / "a.png")
    with pytest.raises(UsageError, match="holds no labelled images: expected one folder a class"):
        make().fit(tmp_path)


@pytest.mark.slow
def test_paths_bytes_images_and_arrays(make, pictures):
    X, y = pictures.two()
    paths = pictures.paths[:12]
    of_files = [
        paths,
        [str(p) for p in paths],
        [p.read_bytes() for p in paths],
        np.array(paths, dtype=object),
    ]
    of_pixels = [X, np.stack(X), (x for x in X), tuple(X)]
    of_images = [[Image.open(path) for path in paths]]
    for forms in (of_files, of_pixels, of_images):  # the folds go by content: equal ones within each
        coefs = [make().fit(form, y).head_.coef_ for form in forms]
        assert all(np.array_equal(coef, coefs[0]) for coef in coefs)
    assert make().fit(paths, y).predict([*X, *of_images[0]]).tolist() == [*y, *y]


@pytest.mark.slow
def test_the_order_of_the_images_does_not_matter(make, pictures):
    order = np.random.default_rng(0).permutation(18)
    clf = make("logistic").fit(pictures.arrays, pictures.labels)
    other = make("logistic").fit([pictures.arrays[i] for i in order], pictures.labels[order])
    np.testing.assert_allclose(
        other.predict_proba(pictures.arrays), clf.predict_proba(pictures.arrays), atol=1e-4
    )


@pytest.mark.parametrize(
    ("X", "y", "text"),
    [
        ("one.png", None, "there is nothing at 'one.png'"),
        (["a.png"], None, "y is missing: only one folder"),
        ("one.png", ["a"], r"Got one path that does not exist: 'one.png'. For one image: \[path\]"),
        (b"bytes", ["a"], "Got one bytes"),
        (7, ["a"], "Got one int"),
        ([7, 8], ["a", "b"], "an image must be a path"),
        (["a.png", "b.png"], ["a"], "one label an image: 2. Got 1"),
        (["a.png", "b.png"], ["a", "a"], r"at least 2 classes; got only 'a' \(1 class\)"),
        ([], [], "no labelled image"),
    ],
)
def test_wrong_images_or_labels(make, X, y, text):
    with pytest.raises((UsageError, SourceError), match=text):
        make().fit(X, y)


def test_one_image_as_an_array_is_no_list_of_images(make, pictures):
    with pytest.raises(UsageError, match=r"For one image: \[array\]"):
        make().fit(pictures.arrays[0], ["a"])
    with pytest.raises(UsageError, match=r"For one image: \[path\]"):
        make().fit(*pictures.two()).predict(pictures.paths[0])


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({"head": "logistc"}, UsageError, "Did you mean 'logistic'"),
        ({"head": LogisticRegression}, UsageError, r"give an object of it: LogisticRegression\(\)"),
        ({"head": Ridge()}, UsageError, "got Ridge, which is none"),
        ({"backbone": "eficientnet-lite0"}, BackboneError, "Did you mean 'efficientnet-lite0'"),
        ({"backbone": 5}, UsageError, "a backbone must be a name or a folder"),
        ({"train_views": "filp"}, UsageError, "Did you mean 'flip'"),
        ({"test_views": "tencorp"}, UsageError, "Did you mean 'tencrop'"),
        ({"on_error": "ignore"}, UsageError, "on_error must be 'raise' or 'skip'. Got 'ignore'"),
        ({"decode": "quick"}, UsageError, "decode must be 'exact', 'fast', .* Got 'quick'"),
        ({"n_jobs": 0}, UsageError, "n_jobs must be"),
        ({"n_jobs": "two"}, UsageError, "n_jobs must be"),
        ({"memory": 5}, UsageError, "memory must be a folder or None. Got int"),
        ({"class_weight": {"drak": 2}}, UsageError, "class_weight names 'drak', which is no class"),
        ({"class_weight": "even"}, UsageError, "class_weight must be a dict, 'balanced' or None"),
        ({"head": SVC(), "class_weight": "balanced"}, UsageError, "set it on the classifier object"),
    ],
)
def test_wrong_parameters_are_named_in_fit(make, pictures, params, error, text):
    clf = make(**params)
    with pytest.raises(error, match=text):
        clf.fit(*pictures.two())
    assert not hasattr(clf, "classes_")


@pytest.mark.parametrize("given", [{"sample_weight": [1, 2]}, {"groups": np.ones((12, 2))}])
def test_weights_and_groups_have_one_value_an_image(make, pictures, given):
    with pytest.raises(UsageError, match=f"{next(iter(given))} must have one value an image: 12. Got shape"):
        make().fit(*pictures.two(), **given)


def test_a_class_of_spaces_alone_is_pointed_out(make, pictures):
    X, y = pictures.two()
    with pytest.warns(ResultWarning, match="6 of 12 labels are spaces alone, and taken as a class") as caught:
        make("centroid").fit(X, np.where(y == "dark", "  ", y))
    assert [warning.filename for warning in caught] == [__file__]


def test_what_is_wrong_is_said_before_the_network_runs(make, pictures, counting):
    X, y = pictures.two()
    clf = make(backbone=counting, memory=None)
    for wrong in (lambda: clf.fit(X, ["a"] * 12), lambda: clf.fit(X, y, sample_weight=[1])):
        with pytest.raises((UsageError, SourceError)):
            wrong()
    assert counting.seen == 0


def test_two_images_in_all_are_enough_with_a_warning(make, pictures):
    clf = make("logistic")
    with pytest.warns(UserWarning, match="give at least 2 images of each class"):
        clf.fit([pictures.arrays[0], pictures.arrays[6]], ["dark", "light"])
    assert clf.predict(pictures.arrays[:1]).tolist() == ["dark"]


def test_labels_of_another_type_cannot_be_scored(make, pictures):
    X, y = pictures.two()
    with pytest.raises(UsageError, match="the labels are text and the classes numbers"):
        make().fit(X, (y == "light").astype(int)).score(X, y)


# Weights and groups


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
def test_weight_zero_is_leaving_out(make, pictures, head):
    X, y = pictures.two()
    wrong = y.copy()
    wrong[:2] = "light"
    weight = np.r_[0, 0, np.ones(10)]
    clf = make(head).fit(X, wrong, sample_weight=weight)
    without = make(head).fit(X[2:], y[2:])
    np.testing.assert_allclose(clf.predict_proba(X), without.predict_proba(X), atol=1e-6)
    misled = make(head).fit(X, wrong)
    least = 1e-3 if head in ("knn", "auto") else 0.05  # these are less misled
    assert np.abs(misled.predict_proba(X) - without.predict_proba(X)).max() > least


def test_weight_two_is_a_second_copy(make, pictures):
    X, y = pictures.two()
    weight = np.r_[2, np.ones(11)]
    clf = make("logistic").fit(X, y, sample_weight=weight)
    copied = make("logistic").fit([*X, X[0]], [*y, y[0]])  # the copies are in one fold
    np.testing.assert_allclose(clf.predict_proba(X), copied.predict_proba(X), atol=2e-3)
    head = clf.head_
    assert (head.C_, head.scaling_) == (copied.head_.C_, copied.head_.scaling_)


@pytest.mark.slow
def test_class_weight_moves_the_border(make, pictures):
    X, y = pictures.arrays[:9], pictures.labels[:9]  # six dark, three light
    plain, heavy, balanced = (
        make("logistic", class_weight=weight).fit(X, y).predict_proba(pictures.arrays[12:])[:, 1].mean()
        for weight in (None, {"light": 50}, "balanced")
    )
    assert heavy > plain and balanced > plain


def test_classes_that_it_does_not_know_are_wrong_and_told(make, pictures):
    X, y = pictures.two()
    clf = make("centroid").fit(X, y)
    text = "1 of the classes here is unknown to the classifier, so its 3 images count as wrong: 'grey'"
    with pytest.warns(ResultWarning, match=text) as caught:
        assert clf.score(X, np.r_[["grey"] * 3, y[3:]]) == 0.75
    assert caught[0].filename == __file__


def test_score_takes_weights(make, pictures):
    X, y = pictures.two()
    clf = make().fit(X, y)
    assert clf.score(X, np.r_[["light"] * 3, y[3:]], sample_weight=np.r_[0, 0, 3, np.ones(9)]) == 0.75


def test_weights_that_are_wrong_or_leave_a_class_out_are_told(make, pictures):
    X, y = pictures.arrays, pictures.labels
    for wrong, message in ((-1.0, "the first is -1 at position 2"), (np.nan, "first is nan at position 2")):
        weight = np.ones(len(y))
        weight[2] = wrong
        with pytest.raises(UsageError, match=message):
            make("centroid").fit(X, y, sample_weight=weight)
    with pytest.raises(UsageError, match="must be numbers"):
        make("centroid").fit(X, y, sample_weight=["much"] * len(y))
    with pytest.warns(UserWarning, match="all images of 1 of 3 classes have the weight 0 .'red'."):
        clf = make("centroid").fit(X, y, sample_weight=(y != "red").astype(float))
    assert clf.classes_.tolist() == ["dark", "light"]
    with pytest.raises(UsageError, match="fewer than two classes: all images of 'light', 'red'"):
        make("centroid").fit(X, y, sample_weight=(y == "dark").astype(float))


def test_groups_and_equal_files_stay_whole(make, pictures, monkeypatch):
    """All copies of a picture, and all that shares a group with one of them, are in one fold."""
    from cnncodes.heads import base

    seen = []

    def note(rows, *args):
        seen.append(rows.groups.tolist())
        return original(rows, *args)

    original = base.make_splits
    monkeypatch.setattr(base, "make_splits", note)
    X, y = pictures.two()
    copied, labels = [*X, X[0], X[7]], [*y, y[0], y[7]]
    make(train_views="flip").fit(copied, labels)
    groups = np.array(seen.pop()).reshape(14, 2)  # two views each
    assert (groups[:, 0] == groups[:, 1]).all()
    assert len(set(groups[:, 0])) == 12
    assert groups[0, 0] == groups[12, 0] and groups[7, 0] == groups[13, 0]
    names = [*"aabbccddeeff", "x", None]
    make().fit(copied, labels, groups=[*names[:-1], "y"])
    make().fit_records(
        [
            dataclasses.replace(record, label=str(label), group=name)
            for record, label, name in zip(records_from(copied), labels, names, strict=True)
        ]
    )
    for groups in seen:
        assert groups[0] == groups[1] == groups[12] and groups[6] == groups[7] == groups[13]
        assert len(set(groups)) == 6
    assert len(seen) == 2


# Images that cannot be read


def test_raise_names_the_first_ten(make, pictures):
    X, y = pictures.two()
    broken = [b"no picture"] * 12
    with pytest.raises(UnreadableImages) as caught:
        make().fit([*X, *broken], [*y, *y])
    text = str(caught.value)
    assert text.startswith("12 of 24 images cannot be used: image-00000012 (")
    assert "image-00000021" in text and "image-00000022" not in text and ", and 2 more" in text


@pytest.mark.parametrize("with_memory", [True, False])
def test_skip_drops_the_label_too(make, pictures, memory, tmp_path, with_memory):
    X, y = pictures.two()
    (tmp_path / "cut.png").write_bytes(pictures.paths[0].read_bytes()[:100])
    mixed = [X[0], b"no picture", *X[1:], tmp_path / "cut.png", tmp_path / "gone.png"]
    labels = [y[0], "light", *y[1:], "dark", "dark"]
    clf = make(on_error="skip", memory=memory if with_memory else None)
    with pytest.warns(
        UserWarning, match=r"3 of 15 images .*: image-00000001 \(not an image .* left out, with their labels"
    ):
        clf.fit(mixed, labels)
    expected = make().fit(X, y)
    np.testing.assert_array_equal(clf.head_.coef_, expected.head_.coef_)
    assert clf.n_images_ == 12
    with pytest.raises(UnreadableImages, match="1 of 2 images"):
        clf.predict([X[0], tmp_path / "cut.png"])
    with pytest.raises(UnreadableImages, match="gone"):
        clf.score([tmp_path / "gone.png"], ["dark"])


def test_skip_with_weights_and_groups_keeps_them_in_line(make, pictures):
    X, y = pictures.two()
    weight, groups = np.arange(1.0, 13), np.arange(12) // 2
    clf = make(on_error="skip")
    with pytest.warns(UserWarning, match="1 of 13"):
        clf.fit([b"", *X], ["light", *y], sample_weight=np.r_[9, weight], groups=np.r_[0, groups])
    expected = make().fit(X, y, sample_weight=weight, groups=groups)
    np.testing.assert_allclose(clf.predict_proba(X), expected.predict_proba(X), atol=1e-9)


def test_nothing_left_to_train_on(make):
    with pytest.raises(UnreadableImages, match="nothing is left to train on: 2 of 2 images .*file is empty"):
        make(on_error="skip").fit([b"", b"x"], ["a", "b"])


def test_one_class_left_to_train_on(make, pictures):
    images, y = [*pictures.arrays[:2], b""], ["a", "a", "b"]
    with pytest.raises(UnreadableImages, match="only images of the class 'a' are left.*1 of 3 images"):
        make(on_error="skip").fit(images, y)


@pytest.mark.parametrize("random_state", [-1, 2**32, "a", 1.5, True])
def test_a_random_state_that_is_none(make, random_state):
    with pytest.raises(UsageError, match="random_state must be None or a whole number from 0"):
        make(random_state=random_state).fit(["no.jpg", "nowhere.jpg"], ["a", "b"])


# Heads


@pytest.mark.parametrize(
    ("head", "has"),
    [
        (RandomForestClassifier(20, random_state=0), {"predict_proba"}),
        (KNeighborsClassifier(3), {"predict_proba"}),
        (SVC(), {"decision_function"}),
        (make_pipeline(StandardScaler(), LogisticRegression()), {"predict_proba", "decision_function"}),
        (CalibratedClassifierCV(SVC(), cv=2), {"predict_proba"}),
        (GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2), {"predict_proba", "decision_function"}),
        (RandomizedSearchCV(SVC(), {"C": [1.0]}, n_iter=1, cv=2, scoring="accuracy"), {"decision_function"}),
        (NearestMean(), set()),
    ],
)
@pytest.mark.filterwarnings("ignore:Since KNeighbors")
@pytest.mark.filterwarnings("ignore:.* cross-validates by itself")
def test_any_classifier_with_two_rows_an_image(make, pictures, head, has):
    clf = make(head, train_views="flip", test_views="flip")
    assert {name for name in ("predict_proba", "decision_function") if hasattr(clf, name)} == has
    clf.fit(pictures.arrays, pictures.labels)
    assert {name for name in ("predict_proba", "decision_function") if hasattr(clf, name)} == has
    assert clf.score(pictures.arrays, pictures.labels) > 0.8
    assert head.__dict__.keys() == clone(head).__dict__.keys()  # never fitted
    if "predict_proba" in has:
        proba = clf.predict_proba(pictures.arrays)
        assert proba.shape == (18, 3)
        np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=0, atol=1e-12)
    if "decision_function" in has:
        assert clf.decision_function(pictures.arrays).shape == (18, 3)


def test_a_head_sees_every_view_and_each_image_once_in_weight(make, pictures):
    X, y = pictures.two()
    assert make(NearestMean(), train_views="flip").fit(X, y).head_.rows_ == 24
    flat = make(LogisticRegression(C=0.01)).fit(X, y)
    doubled = make(LogisticRegression(C=0.01)).fit(X, y, sample_weight=np.full(12, 2.0))
    assert np.abs(flat.head_.coef_ - doubled.head_.coef_).max() > 1e-4  # weights do arrive


@pytest.mark.slow
def test_two_views_of_an_image_weigh_as_much_as_one(make, pictures):
    X, y = pictures.two()
    symmetric = [np.concatenate([x, x[:, ::-1]], axis=1) for x in X]  # both views show the same
    one, two = (
        make(LogisticRegression(C=0.01), train_views=views).fit(symmetric, y) for views in ("center", "flip")
    )
    np.testing.assert_allclose(two.predict_proba(X), one.predict_proba(X), atol=1e-3)
    twice = make(LogisticRegression(C=0.01)).fit(symmetric, y, sample_weight=np.full(12, 2.0))
    assert np.abs(twice.predict_proba(X) - one.predict_proba(X)).max() > 1e-2  # the control


@pytest.mark.parametrize("head", [KNeighborsClassifier(3), make_pipeline(StandardScaler(), NearestMean())])
def test_weights_for_a_head_that_takes_none_are_an_error(make, pictures, head):
    with pytest.raises(UsageError, match="takes no sample_weight: leave it out"):
        make(head).fit(*pictures.two(), sample_weight=np.ones(12))


def test_a_search_takes_weights_where_what_it_searches_does(make, pictures):
    X, y = pictures.two()
    weight = np.where(y == "dark", 9.0, 1.0)
    searched, alone = (
        make(head).fit(X, y, sample_weight=weight)
        for head in (GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2), LogisticRegression())
    )
    np.testing.assert_allclose(searched.predict_proba(X), alone.predict_proba(X), atol=1e-6)
    with pytest.raises(UsageError, match="KNeighborsClassifier takes no sample_weight: leave it out"):
        make(GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1]})).fit(X, y, sample_weight=weight)


# Stored codes and records


@pytest.mark.slow
def test_stored_codes_train_the_same_classifier(make, pictures, tmp_path):
    embed(pictures.root, tmp_path / "photos.codes", views="flip", dtype="float32", n_jobs=1)
    codes = read_codes(tmp_path / "photos.codes")
    clf = make(train_views="center").fit_codes(codes)
    expected = make(train_views="flip").fit(pictures.root)
    np.testing.assert_allclose(clf.head_.coef_, expected.head_.coef_, atol=1e-6)
    assert clf.train_plan_ == expected.train_plan_  # of the codes, not of the parameter
    assert clf.n_images_ == 18
    with pytest.raises(SpaceMismatch, match="decoding: 'exact' .stored. against 'fast' .now."):
        make(decode="fast").fit_codes(codes)


def test_codes_that_are_no_numbers_are_named(make, pictures, tmp_path):
    embed(pictures.root, tmp_path / "photos.codes", views="center", dtype="float32", n_jobs=1)
    codes = read_codes(tmp_path / "photos.codes")
    X = codes.X.copy()
    X[3, 5] = np.nan
    with pytest.raises(UsageError, match=f"1 of 18 rows of codes hold NaN .* image {str(codes.images[3])!r}"):
        make().fit_codes(dataclasses.replace(codes, X=X))


def test_records_without_labels_are_left_out(make, pictures):
    records = [*open_source(pictures.root).records, *open_source(pictures.arrays[:2]).records]
    calls = []
    clf = make().fit_records(records, on_progress=lambda *state: calls.append(state))
    assert clf.n_images_ == 18 and calls[-1] == (18, 18, 0)
    with pytest.raises(SourceError, match="no labelled image"):
        make().fit_records(open_source(pictures.arrays[:2]).records)


def test_a_limit_on_pixels_holds_in_fit_and_prediction_and_is_saved(make, pictures, tmp_path):
    too_small = make(max_pixels=64 * 64 - 1, memory=None)
    with pytest.raises(UnreadableImages, match="more than the limit of 4095"):
        too_small.fit(pictures.arrays, pictures.labels)
    clf = make(max_pixels=64 * 64, memory=None).fit(pictures.arrays, pictures.labels)
    clf.save(tmp_path / "x.cnncodes")
    for one in (clf, load(tmp_path / "x.cnncodes")):
        assert one.max_pixels == 64 * 64
        assert len(one.predict(pictures.arrays[:1])) == 1
        with pytest.raises(UnreadableImages, match="more than the limit of 4096"):
            one.predict([np.zeros((64, 65, 3), np.uint8)])


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "many"])
def test_a_limit_on_pixels_must_be_a_positive_whole_number(make, pictures, limit):
    with pytest.raises(UsageError, match="max_pixels must be a positive whole number"):
        make(max_pixels=limit).fit(pictures.arrays, pictures.labels)
