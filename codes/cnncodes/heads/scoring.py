"""What fitted heads of ours share in prediction: numpy alone, so that a saved classifier needs no
scikit-learn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from cnncodes.errors import SavedModelError, UsageError

Array = npt.NDArray[Any]

# Rows are scored in blocks of exactly this many, the last one padded: see `Scorer.decision`.
_BLOCK = 64
# Scaled codes beyond it are as far away as can be: their squares still fit float32.
FARTHEST = 1e15


class Scorer(ABC):
    """A fitted head as plain arrays.

    A subclass is a dataclass whose fields are the names in `ARRAYS`, the arrays that it is saved as.

    Attributes
    ----------
    TYPE : str
        The type of head that a saved classifier names.
    ARRAYS : tuple of str
    classes : ndarray, shape (n_classes,)
    temperature : float
        What decision values are multiplied with before they become probabilities.
    kind : str
        Which sort of head this was, by name.
    """

    TYPE: ClassVar[str]
    ARRAYS: ClassVar[tuple[str, ...]]

    classes: Array
    temperature: float
    kind: str

    @property
    @abstractmethod
    def code_size(self) -> int:
        """Columns of the codes that it scores."""

    @abstractmethod
    def _decide(self, block: Array) -> Array:
        """Return decision values ``[64, K]``, or ``[64, 1]`` for two classes, of float64 codes ``[64,
        D]``."""

    def decision(self, X: npt.ArrayLike) -> Array:
        """Return the decision values of the codes `X`.

        A row's values are the same bits whatever other rows are in `X`: BLAS picks its kernel, and so the
        order of its sums, by the shape of the product, hence each product here has one fixed shape.

        Parameters
        ----------
        X : float32 or float64 ``[n, D]``
            Codes.

        Returns
        -------
        float64 ``[n]`` for two classes (positive means the second), else ``[n, K]``.
        """
        codes = np.asarray(X)
        if codes.ndim != 2 or codes.shape[1] != self.code_size:
            raise UsageError(
                f"codes must be a 2-D array with {self.code_size} columns; got shape {codes.shape}"
            )
        if codes.dtype.kind not in "fiub":
            raise UsageError(f"codes must be numbers; got dtype {codes.dtype}")
        out = np.empty((len(codes), count_columns(self.classes)))
        block = np.zeros((_BLOCK, codes.shape[1]))
        for start in range(0, len(codes), _BLOCK):
            part = codes[start : start + _BLOCK]
            block[: len(part)] = part
            out[start : start + len(part)] = self._decide(block)[: len(part)]
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
        """Return everything as named arrays; `from_arrays` gives back a scorer with the same bits.

        No array has dtype object, so that none needs pickle: classes that are Python strings become NumPy's.

        Raises
        ------
        SavedModelError
            If the classes are Python objects other than strings.
        """
        arrays = {name: np.asarray(getattr(self, name)) for name in self.ARRAYS}
        return arrays | {"classes": _plain_classes(self.classes)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Self:
        """Return the scorer that `to_arrays` wrote.

        Raises
        ------
        SavedModelError
            If an array is missing, unexpected, or does not fit the others.
        """
        missing, extra = sorted(set(cls.ARRAYS) - set(arrays)), sorted(set(arrays) - set(cls.ARRAYS))
        if missing or extra:
            raise SavedModelError(f"arrays of a {cls.TYPE} head: missing {missing}, unexpected {extra}")
        given = {name: np.asarray(array) for name, array in arrays.items()}
        values = {name: array[()] if array.ndim == 0 else array for name, array in given.items()}
        try:
            return cls(**values)
        except (UsageError, TypeError, ValueError, OverflowError) as error:
            raise SavedModelError(f"arrays of a {cls.TYPE} head do not fit together: {error}") from error


def count_columns(classes: Array) -> int:
    """Return how many decision values a row has: one for two classes, else one a class."""
    return 1 if len(classes) == 2 else len(classes)


def check_numbers(
    name: str,
    values: Any,
    shape: tuple[int | None, ...],
    dtype: npt.DTypeLike,
    *,
    above: float | None = None,
    largest: float = 1e100,
) -> Array:
    """Return numbers of a type and shape, of which sums and products stay finite.

    Parameters
    ----------
    name : str
        For the text of errors.
    values : array-like
    shape : tuple of int or None
        None is any length.
    dtype : dtype
        What they are converted to.
    above, largest : float
        Bounds, of the size alone for `largest`.

    Raises
    ------
    UsageError
        If they are not such numbers.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise UsageError(f"{name} must hold numbers; got dtype {array.dtype}")
    fits = len(array.shape) == len(shape) and all(
        wanted in (None, got) for wanted, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise UsageError(f"{name} must have the shape ({wanted}); got {array.shape}")
    if not (np.abs(array.astype(np.float64)) <= largest).all():
        raise UsageError(f"{name} must be finite and up to {largest:g}; it holds NaN or more")
    if above is not None and not (array > above).all():
        raise UsageError(f"{name} must be above {above:g}; got {array.min():g}")
    return np.asarray(array, dtype=dtype, order="C")


def check_classes(classes: Any) -> Array:
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


def _plain_classes(classes: Array) -> Array:
    if classes.dtype.kind != "O":
        return classes
    if not all(isinstance(name, str) for name in classes):
        raise SavedModelError(f"classes must be strings or numbers to be saved; got {classes.tolist()!r}")
    return classes.astype(str)
