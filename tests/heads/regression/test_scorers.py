"""Arrays that predict numbers: saved, read and checked."""

from __future__ import annotations

import numpy as np
import pytest
from made_numbers import slopes

from cnncodes.errors import SavedModelError, UsageError
from cnncodes.heads.names import REGRESSION_HEADS
from cnncodes.heads.regression.scorers import LinearNumberScorer, NeighborNumberScorer
from cnncodes.heads.regression.selection import make_regression_head


def fitted(name, targets=2):
    X, y = slopes(70, 5, targets)
    return X, make_regression_head(name, n_jobs=1).fit(X, y).scorer_


@pytest.mark.parametrize("name", REGRESSION_HEADS)
def test_arrays_give_back_the_same_bits(name):
    X, scorer = fitted(name)
    arrays = scorer.to_arrays()
    assert set(arrays) == set(scorer.ARRAYS) and all(array.dtype.kind != "O" for array in arrays.values())
    again = type(scorer).from_arrays(arrays)
    np.testing.assert_array_equal(again.predict(X), scorer.predict(X))
    assert (again.n_targets, again.code_size, again.kind) == (2, 5, name)


@pytest.mark.parametrize("name", REGRESSION_HEADS)
def test_wrong_arrays_are_refused(name):
    _, scorer = fitted(name)
    arrays = scorer.to_arrays()
    for key, array in arrays.items():
        if array.dtype.kind != "f" or not array.size:
            continue
        wrong = np.full_like(array, np.nan)
        with pytest.raises(SavedModelError, match="do not fit together"):
            type(scorer).from_arrays({**arrays, key: wrong})
        with pytest.raises(SavedModelError, match="do not fit together"):
            type(scorer).from_arrays({**arrays, key: array[..., None]})
        with pytest.raises(SavedModelError, match=f"missing \\['{key}'\\]"):
            type(scorer).from_arrays({name: value for name, value in arrays.items() if name != key})


def test_codes_of_another_size():
    with pytest.raises(UsageError, match="2-D array with 3 columns"):
        LinearNumberScorer(np.ones((1, 3)), np.zeros(1)).predict(np.ones((2, 4)))
    with pytest.raises(UsageError, match="one row a target"):
        LinearNumberScorer(np.ones((0, 3)), np.zeros(0))
    with pytest.raises(UsageError, match="one number at least"):
        NeighborNumberScorer(np.ones((2, 3)), np.ones((2, 0)), np.ones(2), 1, [], [])
