"""What trees tell of metadata: size, file type, border, brightness; and which of them tells most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.evaluation.checks.looking import Look
from cnncodes.evaluation.intervals import Estimate
from cnncodes.heads.folds import Split

Array = npt.NDArray[Any]

#: What a file is like; such things say nothing of what the picture shows.
OF_FILE = ("width", "height", "aspect ratio", "file type", "colour mode")
#: What is of the file and of the picture: busy pictures compress worse.
OF_SIZE = ("file size",)
#: What the picture is like as a whole; that may belong to a class, as night belongs to stars.
OF_PICTURE = ("border colour", "brightness")
#: Skill, 0 at chance and 1 where all is right, above which its interval must lie for a warning. On clothes
#: whose files betray nothing it is 0.37 by file size and 0.65 by brightness; and for being told at all.
WARN = {OF_FILE: 0.3, OF_SIZE: 0.6, OF_PICTURE: 0.8}
TELL = 0.15
SHUFFLES = 5


def tabulate(looks: Sequence[Look], features: tuple[str, ...]) -> tuple[Array, Array]:
    """Return a column for each number that varies, and of each column the feature it belongs to."""
    columns: list[tuple[str, list[float]]] = [
        ("width", [look.width for look in looks]),
        ("height", [look.height for look in looks]),
        ("aspect ratio", [look.width / max(look.height, 1) for look in looks]),
        ("file size", [look.n_bytes for look in looks]),
        ("brightness", [look.brightness for look in looks]),
        *(("border colour", [look.border[channel] for look in looks]) for channel in range(3)),
    ]
    for name, values in (
        ("file type", [look.format for look in looks]),
        ("colour mode", [look.mode for look in looks]),
    ):
        columns += [(name, [float(value == one) for value in values]) for one in sorted(set(values))]
    wanted = [column for column in columns if column[0] in features]
    table = np.array([values for _, values in wanted], dtype=np.float64).reshape(len(wanted), -1).T
    varies = (table[:1] != table).any(axis=0)
    return table[:, varies], np.array([name for name, _ in wanted])[varies]


def predict_by_trees(
    X: Array,
    y: Array,
    splits: Sequence[Split],
    owner: Array,
    make_tree: Callable[[int], Any],
    score: Callable[[Array], float],
    random_state: int,
) -> tuple[Array, str]:
    """Return held-out predictions, and the feature whose shuffling costs most of their score.

    Parameters
    ----------
    X, owner : ndarray
        As of `tabulate`.
    y : ndarray, shape (n,)
    splits : sequence of (training rows, held-out rows)
    make_tree : callable
        Returns an unfitted tree for so many training rows.
    score : callable
        How good predictions of all rows are.
    random_state : int
    """
    rng = np.random.default_rng(random_state)
    predicted = np.zeros_like(y)
    names = sorted(set(owner.tolist()))
    shuffled = {name: np.zeros((SHUFFLES, len(y)), dtype=y.dtype) for name in names}
    for train, test in splits:
        tree = make_tree(len(train)).fit(X[train], y[train])
        predicted[test] = tree.predict(X[test])
        for name in names:
            for repeat in range(SHUFFLES):
                mixed = X[test].copy()
                mixed[:, owner == name] = mixed[rng.permutation(len(test))][:, owner == name]
                shuffled[name][repeat, test] = tree.predict(mixed)
    left = {name: float(np.mean([score(row) for row in rows])) for name, rows in shuffled.items()}
    return predicted, min(names, key=lambda name: left[name])


def plain_estimate(found: Estimate) -> dict[str, float | int]:
    """Return an estimate as JSON holds it."""
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n}
