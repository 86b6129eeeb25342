"""Files that ``cnncodes predict`` wrote, read again as the answers of a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.errors import SourceError

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
    """

    rows: dict[str, int]
    labels: npt.NDArray[Any]
    classes: npt.NDArray[Any]
    proba: npt.NDArray[np.float64] | None


def is_prediction_file(path: str) -> bool:
    """Tell whether a path is meant as a file of predictions, and not as a saved classifier."""
    return Path(path).suffix.lower() in (".csv", ".parquet")


def read_predictions(path: str) -> PredictionFile:
    """Read a file of predictions; rows without an answer are left out.

    Raises
    ------
    SourceError
        If it has not the columns of one, names an image twice, or its answers were held back.
    """
    import numpy as np

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
    answered = [i for i, value in enumerate(table.values["prediction"]) if value not in (None, "")]
    keys = [str(table.values["image"][i]) for i in answered]
    rows = {key: i for i, key in enumerate(keys)}
    if len(rows) < len(keys):
        twice = next(key for i, key in enumerate(keys) if rows[key] != i)
        raise SourceError(f"{path} names the image {twice!r} more than once: expected one row an image.")
    ranks = ["", *(f"_{rank}" for rank in range(2, 2 + len(ranked) // 2))]
    named = [[str(table.values[f"prediction{rank}"][i]) for rank in ranks] for i in answered]
    classes = np.unique([name for row in named for name in row]) if named else np.empty(0, str)
    proba = _read_proba(table.values, ranks, answered, named, classes.tolist())
    return PredictionFile(rows, np.array([row[0] for row in named], dtype=str), classes, proba)


def _read_proba(
    values: dict[str, list[Any]],
    ranks: Sequence[str],
    answered: Sequence[int],
    named: Sequence[Sequence[str]],
    classes: list[str],
) -> npt.NDArray[np.float64] | None:
    """Return probabilities where every row names the same classes and they sum to 1."""
    import numpy as np

    columns = [values.get(f"probability{rank}") for rank in ranks]
    if not named or any(set(row) != set(classes) for row in named):
        return None
    found = np.empty((len(answered), len(classes)))
    place = {name: i for i, name in enumerate(classes)}
    for row, i in enumerate(answered):
        for name, column in zip(named[row], columns, strict=True):
            if column is None or column[i] in (None, ""):
                return None
            # A 0 of six digits is less than half of the last: nothing so sure was written, or meant.
            found[row, place[name]] = max(_to_number(column[i], i), _LEAST)
        found[row, place[named[row][0]]] += 1e-9  # the answer stays first where rounding made two equal
    sums = found.sum(axis=1, keepdims=True)
    return found / sums if np.abs(sums - 1).max() <= _SUM_TOLERANCE else None


def _to_number(value: Any, row: int) -> float:
    try:
        return float(value)
    except ValueError:
        raise SourceError(f"row {row + 1} has the probability {value!r}: expected a number.") from None
