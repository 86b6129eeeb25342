"""What trees tell of metadata: size, file type, border, brightness; and which of them tells most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.evaluation.checks.finding import Finding
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


#: By what something is told; a sentence goes on.
TOLD_BY = {
    OF_FILE: "By size in pixels, file type and colour mode alone",
    OF_SIZE: "By the size of the file alone",
    OF_PICTURE: "By border colour and brightness alone",
}


def report_betrayal(
    features: tuple[str, ...],
    sentence: str,
    n: int,
    details: Mapping[str, Any],
    *,
    warn: bool,
    noun: str,
    which: str,
    learner: str = "classifier",
) -> Finding:
    """Return a finding on what is told by metadata.

    Parameters
    ----------
    features : tuple of str
        Which of them it is told by.
    sentence : str
        What is said of it.
    n : int
        Number of images.
    details : mapping
        For programs.
    warn : bool
        Whether it is a warning.
    noun : str
        What is told: ``"class"``, ``"label"``, ``"number"``.
    which : str
        Whose pictures may be busier by nature: ``"of a class"``.
    learner : str
        What may learn nothing else.
    """
    advice = {
        OF_FILE: f"Save all images alike; else a {learner} may learn where they come from, and not what they"
        " show.",
        OF_SIZE: f"Save all with one quality. Where the pictures {which} are plainer or busier, this is no"
        " fault.",
        OF_PICTURE: f"Where that is no part of the {noun}, crop it or vary it; else a {learner} may learn"
        " nothing more.",
    }
    return Finding(
        check="metadata",
        severity="warn" if warn else "tell",
        certainty="likely",
        sentence=sentence,
        advice=advice[features],
        images=(),
        n=n,
        details=dict(details),
    )


def name_most(features: tuple[str, ...], feature: str) -> str:
    """Say which of several features tells most; nothing of one alone."""
    return f", above all {feature}" if len(features) > 1 else ""
