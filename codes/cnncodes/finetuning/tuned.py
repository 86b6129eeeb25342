"""What came of a fine-tuning: a network and a head, the figures of both, and which of the two predicts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from cnncodes.backbones import Backbone
from cnncodes.embedding import Embedder
from cnncodes.estimators.contents import summarize_contents, summarize_groups
from cnncodes.estimators.predictor import Predictor
from cnncodes.estimators.priors import find_shares
from cnncodes.finetuning.comparison import Comparison, say_verdict
from cnncodes.finetuning.examples import Labelled
from cnncodes.finetuning.history import NETWORK_STAGE, EpochFigures, count_epochs, describe_stop, explain_none
from cnncodes.finetuning.learned import LearnedHead
from cnncodes.heads.linear import LinearScorer
from cnncodes.views import ViewPlan


@dataclass(frozen=True)
class Tuned:
    """What came of a fine-tuning.

    Attributes
    ----------
    backbone : Backbone
        The tuned network, its numbers in the graph that they came from.
    learned : LearnedHead
        The classical head on the network as it was, fitted on all images that were given to train on.
    scorer : LinearScorer
        The head of the tuned network.
    history : list of EpochFigures
        The first is the head's, before any epoch.
    validation : Comparison
        Of the tuned network and the head that it started from, which had not seen the validation images
        either.
    unfrozen : tuple of str
        The blocks that were trained; a layer, where that is less than the first one's.
    base_lr : float
        The rate, which may have been found.
    again : list of EpochFigures
        Of the training on all images, those held out for validation too, where there was one.
    trained, given : Labelled
        The images that the network was trained on; and those that were given to train on, on which the head
        was fitted.
    judged : Labelled
        Those that both had learned from when the validation images judged them.
    known : tuple of str
        Contents of the images that were trained on or chosen by: figures on them flatter either classifier.
    keep : {"better", "tuned", "head"}
        Which of the two was asked for.
    refused : str
        Why a network that was trained is not taken after all; empty where it is.
    failed : dict of str to str
        The images that cannot be read, and why.
    notes : tuple of str
        What went wrong on the way, such as a rate that was too high.
    class_weight : dict or "balanced", optional
        That of the loss and of the head.
    """

    backbone: Backbone
    learned: LearnedHead
    scorer: LinearScorer
    history: list[EpochFigures]
    again: list[EpochFigures]
    validation: Comparison
    unfrozen: tuple[str, ...]
    base_lr: float
    trained: Labelled
    given: Labelled
    judged: Labelled
    known: tuple[str, ...]
    keep: str = "better"
    refused: str = ""
    failed: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    class_weight: Any = None

    @property
    def head(self) -> LinearScorer:
        """What predicts of the classical head."""
        return self.learned.scorer

    @property
    def is_trained(self) -> bool:
        """Whether there is a tuned network: else `backbone` is the one that it was."""
        return count_epochs(self.history)[NETWORK_STAGE] > 0 and not self.refused

    @property
    def lack(self) -> str:
        """Why there is no tuned network; empty where there is one."""
        if self.is_trained:
            return ""
        return self.refused or explain_none(self.history, len(self.head.classes))

    @property
    def kept(self) -> str:
        """Which of the two is to predict, ``"tuned"`` or ``"head"``; the head where there is no tuned one."""
        return self.validation.choose(self.keep) if self.is_trained else "head"

    def tell_wish(self) -> list[str]:
        """Return what is to be said of a wish that cannot be met, if there is one."""
        if self.keep != "tuned" or self.is_trained:
            return []
        return [f"there is no tuned network to keep, whatever was asked for: {self.lack}"]

    def say_verdict(self, test: Comparison | None) -> str:
        """Say in words whether it was worth it, by test images where there are any."""
        stop = describe_stop(self.history)
        early = f" {stop[0].upper()}{stop[1:]}." if stop else ""
        if not self.is_trained:
            return f"There is no tuned network: {self.lack}. Kept: the head alone.{early}"
        return say_verdict(self.validation, test, self.kept) + early

    def count_learned(self, kept: str) -> int:
        """Return how many images one of the two, ``"tuned"`` or ``"head"``, has learned from."""
        return len((self.trained if kept == "tuned" else self.given).y)

    def make_kept(self, embedder: Embedder, aggregate: str = "decision") -> Predictor:
        """Return the one that is kept, as it is saved: the head with what tells when to abstain.

        Of the tuned network nothing does. No image that was given has neither trained it nor chosen its
        epoch, so that what it says of these, and how near their codes are, promises nothing for others.
        """
        predictor = self.make_predictor(self.kept, embedder, aggregate)
        return self.learned.complete(predictor) if self.kept == "head" else predictor

    def find_plan(self, train_plan: ViewPlan) -> ViewPlan:
        """Return the views that the one that is kept was trained on, given those of all training."""
        return self.learned.plan or train_plan if self.kept == "head" else train_plan

    def make_predictor(self, kept: str, embedder: Embedder, aggregate: str = "decision") -> Predictor:
        """Return one of the two with its network, given the embedder of the network before."""
        known = summarize_contents(list(self.known))
        scorer, images = (self.head, self.given) if kept == "head" else (self.scorer, self.trained)
        if kept == "tuned":
            embedder = replace(embedder, backbone=self.backbone)
        shares = find_shares(images.y, None, _Fitted(scorer, self.class_weight))
        groups = summarize_groups(self.given.groups)
        return Predictor(embedder, scorer, known, aggregate, trained_groups=groups, shares=shares)


class _Fitted(NamedTuple):
    """A head as `find_shares` knows it."""

    scorer_: LinearScorer
    class_weight: Any
