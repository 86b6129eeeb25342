"""Labels that images probably lack, or should not have."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.evaluation.checks.label_set_errors import (
    DOUBT,
    HeldOutLabels,
    find_label_set_issues,
    find_suspected_label_sets,
    predict_labels,
)


def draw(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Codes of which two labels follow, and one that does not."""
    rng = np.random.default_rng(seed)
    codes = rng.normal(size=(n, 20)).astype(np.float32)
    return codes, np.column_stack([codes[:, 0] > 0, codes[:, 1] > 0.5, rng.random(n) < 0.3]).astype(np.int8)


def test_planted_errors_are_found_both_ways_and_no_other_label_is_judged() -> None:
    codes, Y = draw()
    far = np.argsort(-np.abs(codes[:, 0]))[:6]
    Y[far, 0] = 1 - Y[far, 0]
    found = predict_labels(codes, Y, np.arange(len(Y)))
    issues = find_label_set_issues(Y, found)
    assert {one.row for one in issues[:6]} == set(far.tolist())
    assert {one.label for one in issues} <= {0, 1} and {one.has for one in issues[:6]} == {True, False}
    assert found.saved[2] < 0.1 < found.saved[:2].min()


def test_an_image_is_judged_by_heads_that_did_not_see_its_group() -> None:
    codes, Y = draw(60)
    codes[30:], Y[30:] = codes[:30], 1 - Y[:30]  # copies that disagree
    found = predict_labels(codes, Y, np.tile(np.arange(30), 2))
    np.testing.assert_allclose(found.proba[:30], found.proba[30:])


@given(st.integers(0, 2**32 - 1))
def test_what_is_given_was_improbable_and_the_least_comes_first(seed: int) -> None:
    rng = np.random.default_rng(seed)
    Y = rng.integers(0, 2, (12, 3)).astype(np.int8)
    issues = find_label_set_issues(Y, HeldOutLabels(rng.random((12, 3)), np.array([0.5, 0.05, 0.5])))
    given_ = [one.given for one in issues]
    assert given_ == sorted(given_) and all(value < DOUBT for value in given_)
    assert all(one.has == bool(Y[one.row, one.label]) and one.label != 1 for one in issues)


def test_the_finding_counts_images_once() -> None:
    Y = np.array([[0, 0], [1, 1], [0, 0], [1, 1]], np.int8)
    proba = np.array([[0.99, 0.95], [0.9, 0.9], [0.1, 0.1], [0.9, 0.9]])
    [finding] = find_suspected_label_sets(list("abcd"), Y, HeldOutLabels(proba, np.ones(2)), ["sea", "sky"])
    assert (finding.check, finding.severity, finding.images, finding.n) == ("labels", "tell", ("a",), 4)
    assert "2 labels of 1 image of 4 may be wrong (2 missing, 0 too many)" in finding.sentence
    assert "the first lacks 'sea', which has a probability of 0.99" in finding.sentence
    assert finding.details["labels"][1] == {"image": "a", "label": "sky", "has": False, "probability": 0.95}
    assert (
        find_suspected_label_sets(list("abcd"), Y, HeldOutLabels(Y * 1.0, np.ones(2)), ["sea", "sky"]) == []
    )
