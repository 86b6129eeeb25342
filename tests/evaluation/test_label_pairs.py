"""Labels that are mistaken together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import hypergeom

from cnncodes.errors import UsageError
from cnncodes.evaluation import find_label_pairs
from cnncodes.evaluation.label_pairs import sum_tail

TABLES = st.tuples(st.integers(1, 12), st.integers(1, 4)).flatmap(
    lambda shape: st.tuples(hnp.arrays(bool, shape), hnp.arrays(bool, shape))
)


@given(TABLES)
def test_counts_are_those_of_images_with_both_mistakes(tables: tuple[np.ndarray, np.ndarray]) -> None:
    truth, named = tables
    for pair in find_label_pairs(truth, named):
        missed = truth[:, pair.missed] & ~named[:, pair.missed]
        lacks = ~truth[:, pair.named]
        wrong = lacks & named[:, pair.named]
        assert pair.n == (missed & wrong).sum() > pair.expected and pair.of == (missed & lacks).sum()
        assert np.isclose(pair.expected, pair.of * wrong.sum() / lacks.sum()) and 0 <= pair.p_value <= 1


def test_what_is_taken_for_another_is_clear_and_chance_is_not() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((200, 3)) < 0.4
    named = truth ^ (rng.random((200, 3)) < 0.2)
    assert not [pair for pair in find_label_pairs(truth, named) if pair.is_clear]
    swapped = truth[:, 0] & ~truth[:, 1] & (rng.random(200) < 0.5)
    named[swapped, 0], named[swapped, 1] = False, True
    first, *others = find_label_pairs(truth, named)
    assert (first.missed, first.named) == (0, 1) and first.is_clear
    assert not [pair for pair in others if pair.is_clear]


def test_labels_of_no_or_of_all_images_have_no_pair() -> None:
    truth = np.tile([True, False], (5, 1))
    assert find_label_pairs(truth, truth) == [] and find_label_pairs(truth, ~truth) == []


def test_the_tail_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(2, 5000, 300)
    counts, of = rng.integers(1, sizes), rng.integers(1, sizes)
    n = np.minimum(np.minimum(of, counts), of * counts // sizes + rng.integers(1, 30, 300))
    above = n * sizes > of * counts
    tables = [values[above] for values in (n, of, counts, sizes)]
    expected = hypergeom.sf(tables[0] - 1, tables[3], tables[2], tables[1])
    np.testing.assert_allclose(sum_tail(*tables), expected, rtol=1e-6, atol=1e-300)


def test_sets_of_labels_are_no_indicators() -> None:
    for truth in ([{"sea"}, {"sky"}], [[1, 0, 0], [0, 1, 0]]):
        with pytest.raises(UsageError, match="truth and named must be indicators, .* for each column"):
            find_label_pairs(truth, [[1, 0], [0, 1]])
