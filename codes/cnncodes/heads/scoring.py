"""What fitted heads of ours share in prediction: numpy alone, so that a saved classifier needs no
scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import SavedModelError, UsageError
from cnncodes.heads.arrays import Array, ArrayScorer

# Scaled codes beyond it are as far away as can be: their squares still fit float32.
FARTHEST = 1e15


class Scorer(ArrayScorer):
    """A fitted classifier as plain arrays.

    Attributes
    ----------
    classes : ndarray, shape (n_classes,)
    temperature : float
        What decision values are multiplied with before they become probabilities.
    kind : str
        Which sort of head this was, by name.
    """

    classes: Array
    temperature: float

    def decision(self, X: npt.ArrayLike) -> Array:
        """Return the decision values of the codes `X`.

        A row's values are the same bits whatever other rows are in `X`.

        Parameters
        ----------
        X : float32 or float64 ``[n, D]``
            Codes.

        Returns
        -------
        float64 ``[n]`` for two classes (positive means the second), else ``[n, K]``.
        """
        out = self.score_blocks(X, count_columns(self.classes))
        return out[:, 0] if len(self.classes) == 2 else out

    def proba_from_decision(self, decision: npt.ArrayLike) -> Array:
        """Return probabilities ``[n, K]`` of decision values ``[n]`` or ``[n, K]`` (rows sum to 1).

        The softmax of temperature times decision value; for two classes the logistic function of it.
        Decision values may be means over several views.
        """
        values = np.asarray(decision, dtype=np.float64)
        binary = len(self.classes) == 2
        if values.ndim != (1 if binary else 2) or (not binary and values.shape[1] != len(self.classes)):
            wanted = "[n]" if binary else f"[n, {len(self.classes)}]"
            raise UsageError(f"decision values must have the shape {wanted}; got shape {values.shape}")
        if binary:
            values = np.column_stack([np.zeros_like(values), values])
        return softmax(values * self.temperature)

    def to_arrays(self) -> dict[str, Array]:
        """Return everything as named arrays; classes that are Python strings become NumPy's.

        Raises
        ------
        SavedModelError
            If the classes are Python objects other than strings.
        """
        return super().to_arrays() | {"classes": plain_classes(self.classes)}


def count_columns(classes: Array) -> int:
    """Return how many decision values a row has: one for two classes, else one a class."""
    return 1 if len(classes) == 2 else len(classes)


def read_classes(classes: Any) -> Array:
    """Return classes as an array; raise `UsageError` unless they are a list of two at least."""
    array = np.asarray(classes)
    if array.ndim != 1 or len(array) < 2:
        raise UsageError(f"a head needs a list of at least 2 classes; got shape {array.shape}")
    return array


def scale_codes(codes: Array, mean: Array, scale: Array) -> Array:
    """Return float64 codes ``[n, D]`` standardised, or of length 1 where `mean` is empty.

    They are rounded to float32, as the training rows are that they are compared with; products of float32
    would depend on where in its block a row stands.
    """
    rows = l2_normalized(codes) if not len(mean) else (codes - mean) / scale
    return np.clip(rows, -FARTHEST, FARTHEST).astype(np.float32).astype(np.float64)


def l2_normalized(X: Array) -> Array:
    """Return `X` (float ``[n, D]``) with each row scaled to length 1; a row of zeros stays zeros."""
    norms = np.sqrt(np.einsum("ij,ij->i", X, X))[:, None]
    return np.asarray(X / np.where(norms > 0, norms, 1), dtype=X.dtype)


def softmax(values: Array) -> Array:
    """Return the row-wise softmax of float ``[n, K]``."""
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def most_likely(classes: Array, decision: Array) -> Array:
    """Return the class with the largest decision value; ``[n]`` for two classes, else ``[n, K]``."""
    winner = (decision > 0).astype(np.intp) if decision.ndim == 1 else decision.argmax(axis=1)
    picked: Array = classes[winner]
    return picked


def plain_classes(classes: Array) -> Array:
    """Return classes as an array that needs no pickle."""
    if classes.dtype.kind != "O":
        return classes
    if not all(isinstance(name, str) for name in classes):
        raise SavedModelError(f"classes must be strings or numbers to be saved; got {classes.tolist()!r}")
    return classes.astype(str)
