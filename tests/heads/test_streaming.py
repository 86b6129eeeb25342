"""Heads fitted on blocks of codes: what they would be in memory, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rows import blobs
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler

from cnncodes.errors import ResultWarning, UsageError
from cnncodes.heads import streamed_rows
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.fold_sums import FoldSums
from cnncodes.heads.statistics import Statistics, add_up
from cnncodes.heads.streamed_rows import Sample, StreamedRows, fit_sample, map_blocks
from cnncodes.heads.streaming import fit_streamed

PLENTY = 1 << 33


def make_stream(X, y, *, images=None, groups=None, class_weight=None, block=37):
    """Rows in blocks of an odd length, and how often they were read."""
    reads = []

    def read():
        reads.append(0)
        for start in range(0, len(X), block):
            reads[-1] += len(X[start : start + block])
            yield start, X[start : start + block].astype(np.float32)

    classes, numbered = np.unique(y, return_inverse=True)
    images = np.arange(len(X)) if images is None else images
    groups = images if groups is None else groups
    stream = StreamedRows.make(read, X.shape[1], numbered, classes, images, groups, class_weight)
    return stream, reads


def make_views(X, y, views=2):
    """Rows of images with some views each: codes that differ a little, and the images' numbers."""
    images = np.repeat(np.arange(len(X)), views)
    noise = np.random.default_rng(1).normal(size=(len(images), X.shape[1])) * 0.3
    return (X[images] + noise).astype(np.float32), y[images], images


def fit_both(head, X, y, images, *, pairs=False, **given):
    """Fit a head in memory and on blocks; with `pairs` two images of a class are a group each."""
    groups = images
    if pairs:  # the classes take turns
        groups = np.unique(
            images // (2 * len(np.unique(y))) * 10 + np.unique(y, return_inverse=True)[1], return_inverse=True
        )[1]
    weight = 1 / np.bincount(images)[images]
    whole = LinearHead(**head, **given).fit(X, y, weight, groups=groups, images=images)
    streamed = LinearHead(**head, **given)
    stream, reads = make_stream(X, y, images=images, groups=groups, class_weight=given.get("class_weight"))
    fit = fit_streamed(streamed, stream, PLENTY)
    return whole, streamed, fit, reads


def relative(one, other):
    return np.abs(one - other).max() / np.abs(other).max()


@pytest.mark.parametrize("scaling", ["standard", "l2"])
@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("kind", ["ridge", "lda", "centroid"])
@pytest.mark.parametrize("class_weight", [None, "balanced", "by name"])
def test_weights_are_those_of_a_fit_in_memory(kind, k, scaling, class_weight):
    X, y = blobs(n=120, k=k)
    keep = ~((y == "bee") & (np.arange(len(y)) % 12 > 5))  # fewer of one class
    X, y, images = make_views(X[keep] + 50, y[keep])  # far from 0, as sums of squares do not like it
    if class_weight == "by name":
        class_weight = {name: 0.5 + number for number, name in enumerate(np.unique(y).tolist())}
    head = {"kind": kind, "scaling": scaling, **({} if kind == "centroid" else {"C": 0.01})}
    whole, streamed, fit, reads = fit_both(head, X, y, images, pairs=True, class_weight=class_weight)
    assert relative(streamed.coef_, whole.coef_) < 1e-6
    assert relative(streamed.intercept_, whole.intercept_) < 1e-6
    assert streamed.scorer_.temperature == pytest.approx(whole.scorer_.temperature, rel=1e-4)
    assert reads == [len(X)] and fit.n_passes == 1  # exactly one pass


@pytest.mark.parametrize("kind", ["ridge", "lda", "centroid"])
def test_what_is_chosen_is_chosen_as_in_memory(kind):
    X, y, images = make_views(*blobs(n=150, d=12, k=3, spread=0.7))
    whole, streamed, _, reads = fit_both({"kind": kind}, X, y, images, pairs=True)
    assert (streamed.C_, streamed.scaling_, streamed.n_folds_) == (whole.C_, whole.scaling_, whole.n_folds_)
    for name in ("log_loss", "accuracy"):
        np.testing.assert_allclose(streamed.cv_results_[name], whole.cv_results_[name], rtol=1e-3)
    assert relative(streamed.coef_, whole.coef_) < 1e-6
    order = np.argsort(streamed.held_out_.images), np.argsort(whole.held_out_.images)
    first = whole.held_out_.decision[order[1]]
    np.testing.assert_allclose(streamed.held_out_.decision[order[0]], first, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(streamed.held_out_.y[order[0]], whole.held_out_.y[order[1]])
    assert reads == [len(X)]


def test_ridge_lda_and_means_are_those_of_scikit_learn():
    X, y = blobs(n=200, k=3)
    X = X.astype(np.float32)
    Z = StandardScaler().fit_transform(X.astype(np.float64))
    for kind, reference in (
        ("ridge", RidgeClassifier(alpha=50.0)),
        ("lda", LinearDiscriminantAnalysis(solver="lsqr", shrinkage=1 / 1.01)),
    ):
        head = LinearHead(kind, C=0.01, scaling="standard")
        fit_streamed(head, make_stream(X, y)[0], PLENTY)
        found, expected = head.decision_function(X), reference.fit(Z, y).decision_function(Z)
        if kind == "lda":  # whose decision values may differ by what all classes have in common
            for decision in (found, expected):
                decision -= decision.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    head = LinearHead("centroid", scaling="standard")
    fit_streamed(head, make_stream(X, y)[0], PLENTY)
    np.testing.assert_array_equal(head.predict(X), NearestCentroid().fit(Z, y).predict(Z))


@pytest.mark.parametrize("scaling", ["standard", "l2"])
@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_logistic_reaches_the_objective_of_a_fit_in_memory(k, scaling, class_weight):
    X, y, images = make_views(*blobs(n=200, k=k))
    C = 0.05 if scaling == "standard" else 5.0
    head = {"kind": "logistic", "C": C, "scaling": scaling}
    whole, streamed, fit, reads = fit_both(head, X, y, images, class_weight=class_weight)
    assert objective(streamed, X, y, class_weight) == pytest.approx(
        objective(whole, X, y, class_weight), rel=1e-5
    )
    assert fit.n_passes == len(reads) and set(reads) == {len(X)}
    if class_weight is None and scaling == "standard":
        Z = StandardScaler().fit_transform(X.astype(np.float64))
        reference = LogisticRegression(C=C / 2, tol=1e-8, max_iter=5000).fit(Z, y)
        np.testing.assert_allclose(streamed.predict_proba(X), reference.predict_proba(Z), atol=2e-3)


def objective(head, X, y, class_weight):
    """The objective in float64, from the fitted head: C times the loss, and half the weights' square."""
    X, y = X.astype(np.float64), np.unique(y, return_inverse=True)[1]
    decision = head.decision_function(X)
    values = np.column_stack([np.zeros(len(X)), decision]) if decision.ndim == 1 else decision
    losses = (
        np.log(np.exp(values - values.max(1, keepdims=True)).sum(1))
        + values.max(1)
        - values[range(len(y)), y]
    )
    weight = np.full(len(X), 0.5)
    if class_weight == "balanced":
        weight *= (len(y) / len(np.bincount(y)) / np.bincount(y))[y]
    scale = X.std(axis=0) if head.scaling_ == "standard" else 1.0
    return head.C_ * float(losses @ weight) + float(((head.coef_ * scale) ** 2).sum()) / 2


def test_a_logistic_head_chooses_on_the_sample_and_fits_all(monkeypatch):
    X, y = blobs(n=600, d=10, k=3)
    monkeypatch.setattr(streamed_rows, "SAMPLE_ROWS", 210)
    head = LinearHead("logistic")
    fit = fit_streamed(head, make_stream(X, y)[0], PLENTY)
    assert fit.sample.rows.sum() == 210 and len(fit.X) == 210 and not fit.sample.whole
    alone = LinearHead("logistic").fit(X[fit.sample.rows].astype(np.float32), y[fit.sample.rows])
    assert head.scaling_ == alone.scaling_ and head.C_ <= alone.C_
    held = head.held_out_.images  # of one fold, answered by a head that learned from all rows of the others
    assert 20 < len(held) < 70 and set(held) < set(np.flatnonzero(fit.sample.rows))
    tried = len(alone.cv_results_["C"])
    np.testing.assert_array_equal(head.cv_results_["C"][:tried], alone.cv_results_["C"])
    later, Cs = head.cv_results_["log_loss"][tried:], head.cv_results_["C"][tried:]
    np.testing.assert_allclose(Cs[1:] / Cs[:-1], 10**0.5)
    best = int(later.argmin())
    assert Cs[best] == head.C_
    assert best > 0 and (best < len(later) - 1 or head.C_ == alone.C_)  # went on until it rose, both ways
    whole = LinearHead("logistic", C=head.C_, scaling=head.scaling_).fit(X.astype(np.float32), y)
    assert relative(head.coef_, whole.coef_) < 0.01 < relative(alone.coef_, whole.coef_)


@pytest.mark.slow
def test_threads_and_blocks_change_nothing_that_counts():
    X, y = blobs(n=300, k=3)
    for kind in ("ridge", "logistic"):
        found = []
        for n_jobs, block in ((1, 64), (4, 64), (2, 300)):
            head = LinearHead(kind, n_jobs=n_jobs)
            fit_streamed(head, make_stream(X, y, block=block)[0], PLENTY)
            found.append(head)
        np.testing.assert_array_equal(found[0].coef_, found[1].coef_)  # to the bit
        assert found[0].C_ == found[2].C_
        assert relative(found[2].coef_, found[0].coef_) < (1e-9 if kind == "ridge" else 1e-2)


numbers = st.floats(-100, 100, width=32)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_parts_add_up_to_the_whole_whatever_they_are(data):
    n, d, k = data.draw(st.integers(2, 25)), data.draw(st.integers(1, 4)), data.draw(st.integers(2, 3))
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * data.draw(st.sampled_from([1e-3, 1.0, 1e3])) + data.draw(numbers)
    y, weight, factor = rng.integers(0, k, n), rng.uniform(0.1, 2, n), rng.uniform(0.5, 2, k)
    part = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    shifts = rng.normal(size=(4, d)) * 10
    order = data.draw(st.permutations(range(4)))

    def of(rows, shift):
        made = Statistics.empty(k, shift)
        made.add(X[rows], y[rows], weight[rows], (weight * factor[y])[rows])
        return made

    whole = of(np.arange(n), np.zeros(d))
    parts = [of(np.flatnonzero(part == number), shifts[number]) for number in order]
    for merged in (add_up(parts), parts[0] + (parts[1] + (parts[2] + parts[3]))):
        merged = merged.moved(np.zeros(d))
        size = np.abs(X).max() + np.abs(shifts).max()
        assert merged.columns.n_rows == n
        np.testing.assert_allclose(merged.weight, whole.weight, rtol=1e-12)
        np.testing.assert_allclose(merged.sums, whole.sums, rtol=1e-9, atol=1e-12 * n * size)
        np.testing.assert_allclose(merged.gram, whole.gram, rtol=1e-9, atol=1e-11 * n * size**2)
        np.testing.assert_allclose(merged.columns.sums, weight @ X, rtol=1e-9, atol=1e-12 * n * size)
        np.testing.assert_allclose(merged.columns.squares, weight @ X**2, rtol=1e-9, atol=1e-11 * n * size**2)


def test_sums_of_rows_far_from_zero_keep_their_variance():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3)) + 1e7
    found = Statistics.empty(2, X[:50].mean(axis=0))
    found.add(X, np.arange(500) % 2, np.ones(500), np.ones(500))
    scaler = found.scaler("standard")
    np.testing.assert_allclose(scaler.scale, X.std(axis=0), rtol=1e-9)
    X[:, 1] = 1e7 + 1 / 3  # constant: its scale is 1 and not rounding
    found = Statistics.empty(2, X[:50].mean(axis=0))
    found.add(X, np.arange(500) % 2, np.ones(500), np.ones(500))
    assert found.scaler("standard").scale[1] == 1.0


@pytest.mark.parametrize("kind", ["ridge", "lda", "centroid"])
def test_a_column_that_one_image_alone_has_is_constant_where_that_is_held_out(kind):
    """What is subtracted from a column of zeros must not leave a variance of rounding to divide by."""
    X, y, images = make_views(*blobs(n=60, d=28, k=3))
    X[:, 3:23] = 0
    for column in range(3, 23):
        X[images == column * 2, column] = 0.37 + column / 7
    whole, streamed, _, _ = fit_both({"kind": kind, "scaling": "standard"}, X, y, images)
    np.testing.assert_allclose(streamed.cv_results_["log_loss"], whole.cv_results_["log_loss"], rtol=1e-3)
    assert relative(streamed.coef_, whole.coef_) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ridge", "lda", "centroid", "logistic"])
def test_a_class_with_one_image_is_in_every_training_part_as_in_memory(kind):
    X, y = blobs(n=60, k=3)
    y[0] = "one"
    head = LinearHead(kind)
    with pytest.warns(ResultWarning, match="no image of class 'one', of 1 image, was held out"):
        fit_streamed(head, make_stream(X, y)[0], PLENTY)
    with pytest.warns(ResultWarning, match="'one'"):
        whole = LinearHead(kind).fit(X.astype(np.float32), y, images=np.arange(60))
    assert (head.n_folds_, head.C_, head.scaling_) == (whole.n_folds_, whole.C_, whole.scaling_)
    assert head.scarce_.tolist() == whole.scarce_.tolist() == [3]
    assert sorted(head.held_out_.images) == sorted(whole.held_out_.images) == list(range(1, 60))
    assert relative(head.coef_, whole.coef_) < (1e-2 if kind == "logistic" else 1e-6)
    assert head.scorer_.temperature == pytest.approx(whole.scorer_.temperature, rel=1e-3)


def test_two_classes_of_which_one_has_one_image_leave_nothing_to_choose():
    X, y = blobs(n=40, k=2)
    y = np.where(np.arange(40) == 0, "one", "bee")
    for kind in ("ridge", "logistic"):
        head = LinearHead(kind)
        with pytest.warns(UserWarning, match="class 'one' has one image.*Used C=.* and scaling='l2'"):
            fit_streamed(head, make_stream(X, y)[0], PLENTY)
        with pytest.warns(UserWarning, match="class 'one'"):
            whole = LinearHead(kind).fit(X.astype(np.float32), y)
        assert head.held_out_ is None and head.n_folds_ == 0
        assert relative(head.coef_, whole.coef_) < (1e-6 if kind == "ridge" else 1e-2)
        assert head.scorer_.temperature == pytest.approx(whole.scorer_.temperature, rel=1e-3)


def test_a_sample_has_every_class_and_says_which_images_stand_for_all():
    y = np.r_[np.zeros(900, int), np.ones(97, int), np.full(3, 2)]
    images = np.arange(1000)
    stream, _ = make_stream(np.zeros((1000, 2)), y, images=images)
    sample = Sample.draw(stream.rows, 100, 0)
    assert np.bincount(y[sample.rows]).tolist() == [90, 10, 3] and not sample.whole
    assert np.bincount(y[sample.fair], minlength=3).tolist() == [90, 10, 0]
    assert not sample.fair[~sample.rows].any()
    again = Sample.draw(stream.rows, 100, 0)
    np.testing.assert_array_equal(again.rows, sample.rows)
    assert Sample.draw(stream.rows, 1000, 0).whole


def test_too_little_memory_says_how_much_it_takes():
    X, y = blobs(n=60, k=2)
    head = LinearHead("ridge")
    with pytest.raises(
        UsageError, match=r"codes of 30 numbers in 2 classes need a memory limit of at least [\d,]+M"
    ) as caught:
        fit_streamed(head, make_stream(X, y)[0], 100 << 20)
    needed = int(str(caught.value).split("limit of at least ")[1].split("M")[0].replace(",", "")) + 1
    fit_streamed(head, make_stream(X, y)[0], needed << 20)
    assert fit_sample(make_stream(X, y)[0], PLENTY) == streamed_rows.SAMPLE_ROWS


def test_what_cannot_be_fitted_so_is_refused():
    X, y = blobs(n=60, k=2)
    for head in (LinearHead("linear-svm"), RidgeClassifier()):
        with pytest.raises(UsageError, match="only centroid, ridge, lda, logistic can be fitted without all"):
            fit_streamed(head, make_stream(X, y)[0], PLENTY)
    with pytest.raises(UsageError, match="cv must be a number"):
        fit_streamed(
            LinearHead("ridge", cv=[(np.arange(30), np.arange(30, 60))]), make_stream(X, y)[0], PLENTY
        )
    with pytest.raises(UsageError, match="unknown scaling"):
        fit_streamed(LinearHead("ridge", scaling="no"), make_stream(X, y)[0], PLENTY)


def test_an_error_in_a_block_ends_the_pass(monkeypatch):
    def fail(self, codes, part):
        raise ZeroDivisionError

    X, y = blobs(n=60, k=2)
    monkeypatch.setattr(FoldSums, "add", fail)
    with pytest.raises(ZeroDivisionError):
        fit_streamed(LinearHead("ridge"), make_stream(X, y)[0], PLENTY)


def test_blocks_are_worked_on_in_order_and_few_are_held():
    held = []

    def blocks():
        for number in range(20):
            held.append(number)
            yield number, np.zeros((1, 1))

    found = []
    for result in map_blocks(lambda block: block[0], blocks(), 2):
        found.append(result)
        assert held[-1] - result <= 3
    assert found == list(range(20))
