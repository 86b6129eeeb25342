"""The classical head of all images that were given, and by what it knows what it does not know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from cnncodes.estimators.predictor import Predictor
from cnncodes.estimators.training import fit_rows
from cnncodes.estimators.unknown import Training, find_answers, find_scale
from cnncodes.heads.linear import LinearScorer
from cnncodes.views import ViewPlan


@dataclass(frozen=True, eq=False)
class LearnedHead:
    """A head that may be kept.

    Attributes
    ----------
    scorer : LinearScorer
    training : Training, optional
        What it was fitted on; None where it was given and not fitted here.
    make : callable
        Returns an unfitted one.
    fitted : classifier, optional
        The one that was fitted; fitted again where it is needed and not at hand.
    plan : ViewPlan, optional
        The views that it was trained on.
    """

    scorer: LinearScorer
    training: Training | None = None
    make: Callable[[], Any] = lambda: None
    fitted: Any = None
    plan: ViewPlan | None = None

    def complete(self, predictor: Predictor) -> Predictor:
        """Return its predictor with what `fit` keeps beside: when to abstain, and how unlike images are."""
        if self.training is None:
            return predictor
        training = replace(self.training, aggregate=predictor.aggregate)
        return replace(
            predictor,
            answers=find_answers(self._fitted, self.make, training, None),
            scale=find_scale(training),
            same_views=self.plan == predictor.embedder.plan,
        )

    @cached_property
    def _fitted(self) -> Any:
        training = self.training
        if self.fitted is not None or training is None:
            return self.fitted
        return fit_rows(self.make(), training.rows, training.y, groups=training.groups)
