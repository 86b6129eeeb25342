"""Scoring with a fitted linear head: numpy alone, so that a saved classifier needs no scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnncodes.errors import SavedModelError, UsageError

Array = npt.NDArray[Any]

# Rows are scored in blocks of exactly this many, the last one padded: see `LinearScorer.decision`.
_BLOCK = 64


def l2_normalized(X: Array) -> Array:
    """Return `X` (float ``[n, D]``) with each row scaled to length 1; a row of zeros stays zeros."""
    norms = np.sqrt(np.einsum("ij,ij->i", X, X))[:, None]
    return np.asarray(X / np.where(norms > 0, norms, 1), dtype=X.dtype)


@dataclass(frozen=True, eq=False)
class LinearScorer:
    """A linear classifier as plain arrays.

    Parameters
    ----------
    coef : float64 ``[K, D]``, or ``[1, D]`` for two classes
        Weights; the standardisation of the codes is already folded in.
    intercept : float64 ``[K]`` or ``[1]``
        Offsets.
    classes : ``[K]``, any dtype
        Class of each column; ``[2]`` for two classes, the second being the positive one.
    l2_normalize : bool
        Scale each code to length 1 first.
    temperature : float
        What decision values are multiplied with before they become probabilities.
    kind : str
        Which sort of head this was: a note, it changes nothing.

    Raises
    ------
    UsageError
        If the shapes contradict each other or a number is not finite.
    """

    ARRAYS: ClassVar[tuple[str, ...]] = (
        "coef",
        "intercept",
        "classes",
        "l2_normalize",
        "temperature",
        "kind",
    )

    coef: Array
    intercept: Array
    classes: Array
    l2_normalize: bool = False
    temperature: float = 1.0
    kind: str = "linear"

    def __post_init__(self) -> None:
        coef = np.ascontiguousarray(self.coef, dtype=np.float64)
        intercept = np.ascontiguousarray(self.intercept, dtype=np.float64)
        classes = np.asarray(self.classes)
        if coef.ndim != 2 or intercept.ndim != 1 or classes.ndim != 1:
            raise UsageError(
                f"a linear head needs coef [K, D], intercept [K] and classes [K]; "
                f"got shapes {coef.shape}, {intercept.shape}, {classes.shape}"
            )
        rows = 1 if len(classes) == 2 else len(classes)
        if len(classes) < 2 or len(coef) != rows or len(intercept) != rows:
            raise UsageError(
                f"{len(classes)} classes do not fit {len(coef)} rows of coef and {len(intercept)} intercepts"
            )
        if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
            raise UsageError("coef and intercept must be finite; they hold NaN or infinity")
        if not (np.isfinite(self.temperature) and self.temperature > 0):
            raise UsageError(f"temperature must be a finite number above 0; got {self.temperature!r}")
        object.__setattr__(self, "coef", coef)
        object.__setattr__(self, "intercept", intercept)
        object.__setattr__(self, "classes", classes)

    def decision(self, X: npt.ArrayLike) -> Array:
        """Return the decision values of the codes `X`.

        A row's values are the same bits whatever other rows are in `X`: BLAS picks its kernel, and so the
        order of its sums, by the shape of the product, hence each product here has one fixed shape.

        Parameters
        ----------
        X : float32 or float64 ``[n, D]``
            Codes; the sums are taken in float64.

        Returns
        -------
        float64 ``[n]`` for two classes (positive means the second), else ``[n, K]``.
        """
        codes = np.asarray(X)
        if codes.ndim != 2 or codes.shape[1] != self.coef.shape[1]:
            raise UsageError(
                f"codes must be a 2-D array with {self.coef.shape[1]} columns; got shape {codes.shape}"
            )
        if codes.dtype.kind not in "fiub":
            raise UsageError(f"codes must be numbers; got dtype {codes.dtype}")
        out = np.empty((len(codes), len(self.coef)))
        block = np.zeros((_BLOCK, codes.shape[1]))
        weights = np.ascontiguousarray(self.coef.T)
        for start in range(0, len(codes), _BLOCK):
            part = codes[start : start + _BLOCK]
            block[: len(part)] = part
            rows = l2_normalized(block) if self.l2_normalize else block
            out[start : start + len(part)] = (rows @ weights)[: len(part)]
        out += self.intercept
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
        return {
            "coef": self.coef,
            "intercept": self.intercept,
            "classes": _plain_classes(self.classes),
            "l2_normalize": np.asarray(bool(self.l2_normalize)),
            "temperature": np.asarray(float(self.temperature)),
            "kind": np.asarray(self.kind),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> LinearScorer:
        """Return the scorer that `to_arrays` wrote.

        Raises
        ------
        SavedModelError
            If an array is missing, unexpected, or does not fit the others.
        """
        missing, extra = sorted(set(cls.ARRAYS) - set(arrays)), sorted(set(arrays) - set(cls.ARRAYS))
        if missing or extra:
            raise SavedModelError(f"arrays of a linear head: missing {missing}, unexpected {extra}")
        try:
            return cls(
                coef=arrays["coef"],
                intercept=arrays["intercept"],
                classes=arrays["classes"],
                l2_normalize=bool(np.asarray(arrays["l2_normalize"])[()]),
                temperature=float(np.asarray(arrays["temperature"])[()]),
                kind=str(np.asarray(arrays["kind"])[()]),
            )
        except (UsageError, TypeError, ValueError) as error:
            raise SavedModelError(f"arrays of a linear head do not fit together: {error}") from error


def _plain_classes(classes: Array) -> Array:
    if classes.dtype.kind != "O":
        return classes
    if not all(isinstance(name, str) for name in classes):
        raise SavedModelError(f"classes must be strings or numbers to be saved; got {classes.tolist()!r}")
    return classes.astype(str)


def softmax(values: Array) -> Array:
    """Return the row-wise softmax of float ``[n, K]``."""
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def most_likely(classes: Array, decision: Array) -> Array:
    """Return the class with the largest decision value; ``[n]`` for two classes, else ``[n, K]``."""
    winner = (decision > 0).astype(np.intp) if decision.ndim == 1 else decision.argmax(axis=1)
    picked: Array = classes[winner]
    return picked
