"""Novelty is a share of held-out training images: evenly spread for their like, near 1 for what is not."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from cnncodes import load
from cnncodes.errors import ResultWarning, UsageError
from cnncodes.estimators import novelty
from cnncodes.estimators.novelty import choose_images, learn_scale
from cnncodes.estimators.unknown import split_for_scale
from cnncodes.heads.folds import split_images
from cnncodes.images import records_from


def blobs(n: int, seed: int, size: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Return codes of three classes whose spread is large in some directions and small in others."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(3, size)) + 2
    y = rng.integers(0, 3, n)
    return centres[y] + rng.normal(size=(n, size)) * np.geomspace(1, 0.05, size), y


def scale_of(n: int, seed: int):
    X, y = blobs(n, seed)
    return learn_scale(X.astype(np.float32), y, split_images(y, np.arange(n)))


@pytest.mark.parametrize("n", [60, 1000])
def test_further_images_of_the_kind_are_spread_evenly(n: int) -> None:
    rates = np.concatenate([scale_of(n, seed).rate(blobs(400, 100 + seed)[0]) for seed in range(8)])

    assert (rates >= 0).all() and (rates < 1).all()
    for level in (0.5, 0.9, 0.95):
        # Folds learn from fewer images, so that held-out ones are a little farther: novelty comes out low.
        assert 1 - level - 0.06 < (rates >= level).mean() < 1 - level + 0.02


def few(seed: int, each: int, n_classes: int = 10, size: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Return codes of so many images of each class, as `blobs` makes them."""
    rng, y = np.random.default_rng(seed), np.repeat(np.arange(n_classes), each)
    centres = np.random.default_rng(98).normal(size=(n_classes, size)) + 2
    return centres[y] + rng.normal(size=(len(y), size)) * np.geomspace(0.5, 0.05, size), y


@pytest.mark.parametrize("each", [2, 3, 5, 20])
@pytest.mark.parametrize("group", [1, 4])  # images in each group, which differ by a tenth of the spread
def test_of_few_images_a_class_further_ones_are_spread_evenly(each: int, group: int) -> None:
    rates = []
    for seed in range(20):
        X, y = few(seed, each)
        groups = np.repeat(np.arange(len(X)), group)
        X = X[groups] + np.random.default_rng(1000 + seed).normal(size=(len(groups), 60)) * 0.02
        y = y[groups]
        scale = learn_scale(X, y, split_for_scale(y, groups, 0), groups=groups)
        rates.append(scale.rate(few(100 + seed, 20)[0]))

    assert 0.4 < np.median(rates) < 0.6
    assert 0.02 < (np.stack(rates) >= 0.95).mean() < 0.12


def test_groups_whose_images_are_no_more_alike_change_nothing() -> None:
    X, y = few(0, 40)
    groups = np.arange(len(X)) // 20  # two of each class
    rates = learn_scale(X, y, split_for_scale(y, groups, 0), groups=groups).rate(few(7, 100)[0])
    assert 0.4 < np.median(rates) < 0.6


@pytest.mark.parametrize("n", [59, 61])  # fewer images than numbers in a code, and more
def test_the_spread_is_that_within_classes(n: int) -> None:
    X, y = blobs(n, 0)
    points = X / np.linalg.norm(X, axis=1, keepdims=True)
    apart = points - np.stack([points[y == label].mean(axis=0) for label in range(3)])[y]
    variances, axes = np.linalg.eigh(apart.T @ apart / n)
    count = n // 8

    scale = learn_scale(X, y, split_images(y, np.arange(n)))

    assert scale is not None and len(scale.axes) == count
    np.testing.assert_allclose(scale.spread[:-1], variances[::-1][:count], rtol=1e-4)
    np.testing.assert_allclose(scale.spread[-1], variances[:-count].mean(), rtol=1e-4)
    np.testing.assert_allclose(np.abs(scale.axes @ axes[:, ::-1][:, :count]), np.eye(count), atol=1e-2)


def test_what_differs_only_where_the_classes_hardly_vary_is_found() -> None:
    scale = scale_of(1000, 0)
    X = blobs(200, 5)[0]
    X[:, -1] += 1.0  # twenty standard deviations there, and fewer than one of the largest

    assert (scale.rate(X) > 0.99).mean() > 0.9


def test_of_very_many_images_some_of_each_class_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty, "_KEPT", 100)
    monkeypatch.setattr(novelty, "_LEARNED", 600)
    monkeypatch.setattr(novelty, "_RATED", 500)
    X, y = blobs(5000, 1)
    y[(y == 2) & (np.arange(5000) > 90)] = 0  # a rare class, and others that are large
    rare = np.flatnonzero(y == 2)

    chosen, rated = choose_images(y)
    scale = learn_scale(X[chosen], y[chosen], split_images(y[chosen], chosen), rated)

    assert len(chosen) == len(rated) < 1100 and rated.sum() == 500 and (np.diff(chosen) > 0).all()
    assert 5 < len(rare) < 50 and np.isin(rare, chosen).all()
    assert scale is not None and len(scale.distances) == 100
    assert 0.03 < (scale.rate(blobs(1000, 7)[0]) >= 0.9).mean() < 0.14
    assert choose_images(y[:300])[1].all() and len(choose_images(y[:300])[0]) == 300


def test_copies_of_one_picture_have_no_scale() -> None:
    X = np.repeat(np.random.default_rng(0).normal(size=(2, 40)), 10, axis=0)
    y = np.repeat([0, 1], 10)
    assert learn_scale(X, y, split_images(y, np.arange(20))) is None
    assert learn_scale(X, y, []) is None


def test_a_classifier_knows_noise_from_its_pictures(make, pictures, tmp_path, memory) -> None:
    clf = make("ridge").fit(pictures.arrays, pictures.labels)
    rng = np.random.default_rng(0)
    stripes = [np.tile(rng.integers(0, 256, (1, 64, 3), dtype=np.uint8), (64, 1, 1)) for _ in range(4)]

    unlike = clf.novelty(stripes)

    assert unlike.shape == (4,) and (unlike == 18 / 19).all()  # farther than any of 18
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clf.novelty(pictures.arrays).mean() < 0.5  # it has learned from these themselves
    clf.save(tmp_path / "a.cnncodes", include_backbone=False)
    loaded = load(tmp_path / "a.cnncodes").set_params(n_jobs=1, memory=memory)
    np.testing.assert_array_equal(loaded.novelty(pictures.arrays), clf.novelty(pictures.arrays))


@pytest.mark.parametrize("n", [40, 200])  # fewer images than numbers in a code, and more
@pytest.mark.parametrize("seed", range(3))
def test_a_whole_weight_is_as_many_copies(n: int, seed: int) -> None:
    X, y = blobs(n, seed)
    weight = np.random.default_rng(seed).integers(1, 4, n)
    copies = np.repeat(np.arange(n), weight)
    new = blobs(50, 7)[0]

    of_weights = learn_scale(X, y, split_images(y, np.arange(n), weight=weight.astype(float)), weight=weight)
    of_copies = learn_scale(X[copies], y[copies], split_images(y[copies], copies))

    assert of_weights is not None and of_copies is not None
    assert len(of_weights.distances) == len(of_copies.distances) == len(copies)
    np.testing.assert_allclose(of_weights.measure(new), of_copies.measure(new), rtol=1e-3)
    np.testing.assert_allclose(of_weights.rate(new), of_copies.rate(new), atol=2 / n)
    unweighted = learn_scale(X, y, split_images(y, np.arange(n)))
    assert unweighted is not None and np.abs(of_weights.measure(new) - unweighted.measure(new)).max() > 0.1


@pytest.mark.parametrize("factor", [1e-9, 0.01, 1e9])
def test_no_scale_of_weights_ends_what_is_known(factor: float) -> None:
    X, y = blobs(200, 0)
    splits, new = split_images(y, np.arange(200)), blobs(100, 7)[0]
    one, scaled = (learn_scale(X, y, splits, weight=np.full(200, k)) for k in (1.0, factor))
    np.testing.assert_allclose(scaled.rate(new), one.rate(new), atol=0.01)


def test_of_very_many_weighted_distances_the_shares_are_kept() -> None:
    X, y = blobs(3000, 0)
    weight = np.random.default_rng(0).integers(1, 5, 3000)
    splits = split_images(y, np.arange(3000), weight=weight.astype(float))
    scale = learn_scale(X, y, splits, weight=weight)
    assert scale is not None and len(scale.distances) == 2000
    nearer = [(scale.distances < scale.distances[k]).mean() for k in (200, 1000, 1900)]
    np.testing.assert_allclose(nearer, [0.1, 0.5, 0.95], atol=2e-3)


@pytest.mark.parametrize(
    ("unlike", "n", "said"),
    [(1, 1, False), (1, 10, False), (4, 5, True), (50, 1000, False), (200, 1000, True)],
)
def test_more_unlike_images_than_chance_has_are_said(unlike: int, n: int, said: bool) -> None:
    rates = np.append(np.where(np.arange(n) < unlike, 0.97, 0.3), np.nan)  # and one that could not be read
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        novelty.warn_of_unlike(rates, 2000)
    assert [str(one.message).startswith(f"{unlike:,} of {n:,} image") for one in caught] == [True] * said


def test_why_nothing_is_measured_is_said(make, pictures) -> None:
    first = [list(pictures.labels).index(label) for label in dict.fromkeys(pictures.labels)]
    with pytest.warns(UserWarning, match="none can be held out"):
        one = make("ridge").fit([pictures.arrays[i] for i in first], [pictures.labels[i] for i in first])
    with pytest.raises(UsageError, match=f"was trained on {len(first)} different images, and at least two"):
        one.novelty(pictures.arrays[:1])
    clf = make("ridge").fit(pictures.arrays, pictures.labels)
    clf.predictor_ = replace(clf.predictor_, scale=None)  # as of a quantised one
    with pytest.raises(UsageError, match="was quantised after the fit, or an earlier version wrote it"):
        clf.novelty(pictures.arrays[:1])


def test_two_images_a_class_are_enough(make, pictures) -> None:
    labels = np.array(pictures.labels)
    two = np.concatenate([np.flatnonzero(labels == label)[:2] for label in np.unique(labels)])
    clf = make("ridge").fit([pictures.arrays[i] for i in two], labels[two])
    assert (clf.novelty(pictures.arrays) < 1).all()


@pytest.mark.parametrize(("unlike", "said"), [(10, False), (50, True)])
def test_images_farther_than_all_of_a_few_are_said(unlike: int, said: bool) -> None:
    rates = np.where(np.arange(50) < unlike, 9 / 10, 0.3)  # none can have 0.95
    assert novelty.say_unlike(rates, 9).startswith("50 of 50 images are farther") == said


@pytest.mark.slow
def test_promises_are_not_for_images_unlike_those_of_training(make, pictures) -> None:
    images = [*pictures.arrays, *(np.ascontiguousarray(array[::-1]) for array in pictures.arrays)]
    clf = make("ridge").fit(images, [*pictures.labels] * 2)
    noise = [np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8) for seed in range(8)]
    with pytest.warns(ResultWarning, match="8 of 8 images are farther .* than all of these"):
        clf.predict_or_abstain(noise, risk=0.3)
    with pytest.warns(ResultWarning, match="8 of 8 images are farther .* than all of these"):
        found = clf.predictor_.predict_records(records_from(noise), n_jobs=1, promises=True)
    assert found.novelty is None  # nobody asked for it
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.predict_or_abstain(images, risk=0.3)
        clf.predict(noise)
