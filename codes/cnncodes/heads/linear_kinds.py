"""What one kind of linear head has and another has not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cnncodes.heads.discriminants import centroid_path, lda_path
from cnncodes.heads.problem import Problem, Solution
from cnncodes.heads.solvers import fit_logistic, fit_svm, logistic_path, ridge_path, svm_path
from cnncodes.heads.statistic_paths import Moments, centroid_of, lda_of, ridge_of


@dataclass(frozen=True)
class LinearKind:
    """A kind of linear head.

    Attributes
    ----------
    path : callable
        Yields its solutions for rising C, from rows.
    statistic_path : callable, optional
        The same from sums over rows, where these suffice.
    fit : callable, optional
        Returns the solution for one C that is to be exact, where that is sooner than `path`.
    exponents : tuple of float, optional
        Between which powers of ten C is sought for rows of about length 1; None where there is no C.
    search_excess, excess : float
        How far above its least value a descent ends, as a share of it: in the search, and of the last fit. 0
        where every C comes from what the first one costs.
    C_without_folds : float
        C where nothing can be held out, for codes of length 1: what was best with one image a class
        (docs/heads.md).
    gives_log_odds : bool
        Whether probabilities need no temperature.
    from_spread : bool
        Whether it is made of the spread within classes: C then is a share of that, whatever the rows' length,
        and folds with one image a class know nothing of it.
    """

    path: Callable[[Problem, Sequence[float]], Iterator[Solution]]
    statistic_path: Callable[[Moments, Sequence[float]], Iterator[Solution]] | None = None
    fit: Callable[[Problem, float], Solution] | None = None
    exponents: tuple[float, float] | None = None
    search_excess: float = 0.0
    excess: float = 0.0
    C_without_folds: float = 1.0
    gives_log_odds: bool = False
    from_spread: bool = False

    @property
    def descends(self) -> bool:
        """Whether it goes down step by step."""
        return self.excess > 0

    @property
    def is_regularised(self) -> bool:
        """Whether anything is regularised."""
        return self.exponents is not None


# In the search held-out losses are the same to three digits as with an excess a hundred times smaller, in a
# third of the time; the SVM's curvature is zero where a row is beyond the margin, and tells less of what is
# left. The last fit ends so near the least value that copies of a row and its weight give the same answers to
# seven digits; the SVM has that sooner, and with a weak penalty would go on for a thousand steps.
#: Those of `cnncodes.heads.names.LINEAR`.
LINEAR_KINDS = {
    "logistic": LinearKind(
        logistic_path,
        fit=fit_logistic,
        exponents=(-2.0, 4.5),
        search_excess=1e-4,
        excess=1e-14,
        C_without_folds=100.0,
        gives_log_odds=True,
    ),
    "linear-svm": LinearKind(svm_path, fit=fit_svm, exponents=(-5.0, 3.0), search_excess=1e-6, excess=1e-10),
    "ridge": LinearKind(ridge_path, ridge_of, exponents=(-3.5, 3.5)),
    "lda": LinearKind(lda_path, lda_of, exponents=(-1.0, 4.0), from_spread=True),
    "centroid": LinearKind(centroid_path, centroid_of, from_spread=True),
}

#: What solves from sums over rows, by kind.
STATISTIC_PATHS = {
    kind: one.statistic_path for kind, one in LINEAR_KINDS.items() if one.statistic_path is not None
}
