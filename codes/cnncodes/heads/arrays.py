"""A fitted head as plain arrays: how it scores codes with NumPy alone, and is saved without pickle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from cnncodes.errors import SavedModelError, UsageError

Array = npt.NDArray[Any]

# Rows are scored in blocks of exactly this many, the last one padded: see `ArrayScorer.score_blocks`.
_BLOCK = 64


def name_head(head: object) -> str:
    """Return what a fitted head is called: by its name here, or its class where it is scikit-learn's.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> name_head(SVC())
    'SVC'
    """
    return head.kind if isinstance(head, ArrayScorer) else type(head).__name__


class ArrayScorer(ABC):
    """A fitted head as plain arrays.

    A subclass is a dataclass whose fields are the names in `ARRAYS`, the arrays that it is saved as.

    Attributes
    ----------
    TYPE : str
        The type of head that a saved file names.
    ARRAYS : tuple of str
    kind : str
        Which sort of head this was, by name.
    """

    TYPE: ClassVar[str]
    ARRAYS: ClassVar[tuple[str, ...]]

    kind: str

    @property
    @abstractmethod
    def code_size(self) -> int:
        """Columns of the codes that it scores."""

    @abstractmethod
    def _decide(self, block: Array) -> Array:
        """Return the values ``[64, n_columns]`` of float64 codes ``[64, D]``."""

    def score_blocks(self, X: npt.ArrayLike, n_columns: int) -> Array:
        """Return what the head gives for codes, float64 ``[n, n_columns]``.

        A row's values are the same bits whatever other rows are in `X`: BLAS picks its kernel, and so the
        order of its sums, by the shape of the product, hence each product here has one fixed shape.
        """
        codes = np.asarray(X)
        if codes.ndim != 2 or codes.shape[1] != self.code_size:
            raise UsageError(
                f"codes must be a 2-D array with {self.code_size} columns; got shape {codes.shape}"
            )
        if codes.dtype.kind not in "fiub":
            raise UsageError(f"codes must be numbers; got dtype {codes.dtype}")
        out = np.empty((len(codes), n_columns))
        block = np.zeros((_BLOCK, codes.shape[1]))
        for start in range(0, len(codes), _BLOCK):
            part = codes[start : start + _BLOCK]
            block[: len(part)] = part
            out[start : start + len(part)] = self._decide(block)[: len(part)]
        return out

    def to_arrays(self) -> dict[str, Array]:
        """Return everything as named arrays; `from_arrays` gives back a scorer with the same bits.

        No array has dtype object, so that none needs pickle.
        """
        return {name: np.asarray(getattr(self, name)) for name in self.ARRAYS}

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
