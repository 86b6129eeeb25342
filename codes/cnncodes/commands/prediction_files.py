"""Files that ``cnncodes predict`` wrote, read again as the answers of a classifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.errors import SourceError, name_some

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: Probabilities are written with six digits, so that a row of many classes misses 1 by a little.
_SUM_TOLERANCE = 1e-3
_LEAST = 5e-7


@dataclass(frozen=True, eq=False)
class PredictionFile:
    """The answers that a file names, by image.

    Attributes
    ----------
    rows : dict of str to int
        Position of each image that has an answer, by its name.
    labels : ndarray of str, shape (n_answers,)
    classes : ndarray of str, shape (n_classes,)
        Those that are named.
    proba : ndarray of float64, shape (n_answers, n_classes), or None
        Where each row names all classes, as it does with ``--top-k`` and their number.
    why_no_proba : str
        Why there are none; else empty.
    """

    rows: dict[str, int]
    labels: npt.NDArray[Any]
    classes: npt.NDArray[Any]
    proba: npt.NDArray[np.float64] | None
    why_no_proba: str = ""


def is_prediction_file(path: str) -> bool:
    """Tell whether a path is meant as a file of predictions, and not as a saved classifier."""
    return Path(path).suffix.lower() in (".csv", ".parquet")


def read_predictions(path: str) -> PredictionFile:
    """Read a file of predictions; rows without an answer, empty or NaN, are left out.

    Raises
    ------
    SourceError
        If it has not the columns of one, names an image twice, its answers were held back, or what it has for
        probabilities are none.
    """
    import numpy as np

    from cnncodes.estimators.labels import is_absent
    from cnncodes.images.table_files import read_table

    wanted = {"image", "prediction", "probability", "answered", "reason"}
    names = read_table(Path(path), wanted).names
    ranked = [name for name in names if name.startswith(("prediction_", "probability_"))]
    table = read_table(Path(path), wanted | set(ranked))
    for name in ("image", "prediction"):
        if name not in table.values:
            raise SourceError(
                f"{path} has no column {name!r}: expected a file that 'cnncodes predict' wrote. It has"
                f" {', '.join(names)}."
            )
    if "answered" in table.values:
        raise SourceError(
            f"{path} was written with --abstain, which holds answers back: predict again without it."
        )
    answered = [i for i, value in enumerate(table.values["prediction"]) if not is_absent(value)]
    keys = [str(table.values["image"][i]) for i in answered]
    rows = {key: i for i, key in enumerate(keys)}
    if len(rows) < len(keys):
        twice = next(key for i, key in enumerate(keys) if rows[key] != i)
        raise SourceError(f"{path} names the image {twice!r} more than once: expected one row an image.")
    ranks = ["", *(f"_{rank}" for rank in range(2, 2 + len(ranked) // 2))]
    said = [[table.values[f"prediction{rank}"][i] for rank in ranks] for i in answered]
    named = [[str(value) for value in row if not is_absent(value)] for row in said]
    classes = np.unique([name for row in named for name in row]) if named else np.empty(0, str)
    given, why = _read_given(path, table.values, ranks, answered)
    why = why or _say_incomplete(ranks, answered, named, given, len(classes))
    proba = None if why else _order(given, named, classes.tolist())
    return PredictionFile(rows, np.array([row[0] for row in named], dtype=str), classes, proba, why)


def _read_given(
    path: str, values: dict[str, list[Any]], ranks: Sequence[str], answered: Sequence[int]
) -> tuple[list[list[float]], str]:
    """Return the probabilities of each row, of none where one is missing, and which that is.

    Raises
    ------
    SourceError
        If what is there cannot be probabilities.
    """
    given: list[list[float]] = []
    for i in answered:
        cells = [values.get(f"probability{rank}", [None] * (i + 1))[i] for rank in ranks]
        lacking = [rank for rank, cell in zip(ranks, cells, strict=True) if cell in (None, "")]
        if lacking:
            return [], f"row {i + 1} has no 'probability{lacking[0]}'"
        given.append([_to_number(path, cell, i) for cell in cells])
        if sum(given[-1]) > 1 + max(_SUM_TOLERANCE, _LEAST * len(cells)):
            raise SourceError(
                f"{path}: the probabilities of row {i + 1} sum to {sum(given[-1]):.4g}: expected 1 at most."
            )
    return given, ""


def _say_incomplete(
    ranks: Sequence[str],
    answered: Sequence[int],
    named: Sequence[Sequence[str]],
    given: Sequence[Sequence[float]],
    n_classes: int,
) -> str:
    """Return why rows do not have a probability of every class; empty where they have."""
    if not named:
        return "there is no answer"
    for i, row in zip(answered, named, strict=True):
        if len(row) < len(ranks):
            return f"row {i + 1} does not name {len(ranks)} classes"
    common = Counter(frozenset(row) for row in named).most_common(1)[0][0]
    for i, names, shares in zip(answered, named, given, strict=True):
        if others := sorted(set(names) - common):
            return (
                f"a row names {len(ranks)} of {n_classes} classes, and row {i + 1} others than most:"
                f" {name_some(others)}. To name all give 'cnncodes predict' --top-k {n_classes}"
            )
        if sum(shares) < 1 - max(_SUM_TOLERANCE, _LEAST * n_classes):
            return (
                f"those of row {i + 1} sum to {sum(shares):.4g}, so that classes are missing: 'cnncodes"
                " predict' --top-k with the number of classes names all"
            )
    return ""


def _order(
    given: Sequence[Sequence[float]], named: Sequence[Sequence[str]], classes: list[str]
) -> npt.NDArray[np.float64]:
    """Return the probabilities of rows that all name the same classes, a column each."""
    import numpy as np

    place = {name: i for i, name in enumerate(classes)}
    found = np.empty((len(named), len(classes)))
    for row, (names, shares) in enumerate(zip(named, given, strict=True)):
        # A 0 of six digits is less than half of the last: nothing so sure was written, or meant.
        found[row, [place[name] for name in names]] = np.maximum(shares, _LEAST)
        found[row, place[names[0]]] += 1e-9  # the answer stays first where rounding made two equal
    found /= found.sum(axis=1, keepdims=True)
    return found


def _to_number(path: str, value: Any, row: int) -> float:
    wrong = f"{path}: row {row + 1} has the probability {value!r}: expected a number from 0 to 1."
    try:
        number = float(value)
    except ValueError:
        raise SourceError(wrong) from None
    if not 0 <= number <= 1:
        raise SourceError(wrong)
    return number
