"""Tables with named columns, such as data frames: read by the names, never by the place alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import UsageError, name_some
from cnncodes.evaluation.given import refuse_masked

Array = npt.NDArray[Any]


def order_columns(given: Any, classes: Any, what: str = "probabilities") -> Any:
    """Return a table that has names for its columns as an array with one for each class, in their order.

    Anything else is returned as it is, and so is a table whose columns are merely numbered from 0, as data
    frames number what has no names.

    Parameters
    ----------
    given : array-like
    classes : array-like, shape (n_classes,)
        A column's name is that of a class where both are equal, or else their texts: a table that was read
        from a file has ``"0"`` for 0.
    what : str
        What the table holds, for the message.

    Raises
    ------
    UsageError
        If columns are named otherwise than the classes.

    Examples
    --------
    >>> import pandas
    >>> table = pandas.DataFrame({"dog": [0.1, 0.9], "cat": [0.9, 0.1]})
    >>> order_columns(table, ["cat", "dog"]).tolist()
    [[0.9, 0.1], [0.1, 0.9]]
    """
    names, wanted = list_names(given), np.asarray(classes).tolist()
    if names is None or names == wanted:
        return given
    for to_name in (lambda name: name, str):
        found, of_classes = ([to_name(name) for name in all_names] for all_names in (names, wanted))
        if len(names) == len(wanted) == len(set(found)) and set(found) == set(of_classes):
            return np.asarray(given)[:, [found.index(name) for name in of_classes]]
    if names == list(range(len(names))):
        return given
    raise UsageError(
        f"the columns of {what} are named {name_some(names)}, and the classes are {name_some(wanted)}: name"
        " all classes, or give an array with the columns in their order."
    )


def read_table(name: str, given: Any, classes: Any) -> Array:
    """Return numbers of each image, a column a class, in their order; or raise `UsageError`."""
    refuse_masked(name, given)
    given = order_columns(given, classes, name)
    try:
        found = np.asarray(given)
    except ValueError as error:  # rows of several lengths
        raise UsageError(
            f"{name} must have as many numbers for each image as for any other, one a label. Lists of labels"
            " are no such rows: give what `predict` and `predict_proba` return."
        ) from error
    if found.dtype.kind not in "biuf":
        raise UsageError(f"{name} must hold numbers, one a label. Got values of type {found.dtype} instead.")
    return found


def list_names(given: Any) -> list[Any] | None:
    """Return the names of a table's columns; None of what has none."""
    return list(given.columns) if hasattr(given, "columns") and np.ndim(given) == 2 else None
