"""The choice goes by the error of whole images, and takes the smoother of equals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from made_numbers import slopes

from cnncodes.heads.folds import Rows
from cnncodes.heads.regression.search import choose_numbers


@dataclass(frozen=True)
class Offsets:
    """Predicts the truth of the first column, plus what is tried."""

    offsets: tuple[float, ...]
    names: tuple[str, ...] = ("offset",)

    def grid(self, scaling, n_features):
        return [(offset,) for offset in self.offsets]

    def predict(self, fold, settings):
        for (offset,) in settings:
            yield fold.held_out[:, :1] * 0 + offset


def choose(offsets, y, images):
    n = len(y)
    ones = np.ones(n)
    rows = Rows(slopes(n, 2)[0], np.zeros(n, int), ones, ones, images, images, 1, np.arange(n))
    parts = [np.isin(images, np.unique(images)[k::2]) for k in range(2)]
    splits = [(np.flatnonzero(~part), np.flatnonzero(part)) for part in parts]
    return choose_numbers(rows, np.asarray(y, float)[:, None], splits, Offsets(offsets), ["l2"], 1)


def test_the_least_squared_error_is_taken():
    choice = choose((0.0, 2.0, 5.0), [1, 2, 3, 2], np.arange(4))
    assert choice.setting == {"offset": 2.0} and choice.scaling == "l2"
    np.testing.assert_allclose(choice.table["squared_error"], [4.5, 0.5, 9.5])
    np.testing.assert_allclose(choice.table["relative_error"], [9, 1, 19])


def test_of_equal_ones_the_first():
    assert choose((3.0, 1.0), [2, 2, 2, 2.0], np.arange(4)).setting == {"offset": 3.0}


def test_an_image_counts_once_however_many_rows_it_has():
    choice = choose((0.0,), [3, 3, 3, 1], np.array([0, 0, 0, 1]))
    assert len(choice.held_out.y) == 2
    np.testing.assert_array_equal(choice.held_out.weight, [3, 1])
