"""What ``cnncodes evaluate`` does of classes, numbers and several labels alike: it reads each image once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.command import Result
from cnncodes.commands.companions import Companions, prepare_companions
from cnncodes.commands.failures import list_read
from cnncodes.commands.holding import tell_unused_holdout
from cnncodes.commands.outputs import is_page
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.seen_groups import warn_of_seen_groups
from cnncodes.commands.stored_source import is_unfinished, list_unread, say_unread
from cnncodes.commands.tasks import CLASSES, Meaning
from cnncodes.errors import agree

if TYPE_CHECKING:
    from cnncodes.estimators.predictor import ImagePredictor
    from cnncodes.images import DrawnTogether, ImageRecord, ImageSource


@dataclass(frozen=True)
class Evaluated:
    """Labelled images and what an estimator says of them.

    Attributes
    ----------
    options : EvaluateOptions
        With the column that labels were read from.
    given : EvaluateOptions
        As they were given.
    split : str or None
        The part that was evaluated.
    source : ImageSource
        All images, of whatever part.
    predictor : ImagePredictor
    records : sequence of ImageRecord
    predictions : Predictions, NumberPredictions or LabelPredictions
        Of all records; with their codes where there is a page.
    read : list of int
        The numbers of the images that could be read.
    drawn : DrawnTogether
        What resamples of these draw.
    companions : Companions or None
        What else a page shows; None where there is none.
    """

    options: Any
    given: Any
    split: str | None
    source: ImageSource
    predictor: ImagePredictor
    records: Sequence[ImageRecord]
    predictions: Any
    read: list[int]
    drawn: DrawnTogether
    companions: Companions | None

    @property
    def shown(self) -> list[ImageRecord]:
        """The images that could be read."""
        return [self.records[i] for i in self.read]

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Key and reason of each image that could not be; of stored codes where these are not divided."""
        failed = [(failure.key, failure.reason) for failure in self.predictions.failures.values()]
        return failed if self.split is not None else failed + list_unread(self.source)

    @property
    def total(self) -> int:
        """How many images there are, those that could not be read among them."""
        return len(self.read) + len(self.failures)

    def warn_of_contradictory(self, truth: Sequence[Any], noun: str) -> None:
        """Warn of equal images of which the truth, a `noun` for each record, differs."""
        import numpy as np

        from cnncodes.estimators.contents import warn_of_contradictory

        keys = [record.key for record in self.records]
        warn_of_contradictory(keys, self.predictions.contents.tolist(), np.array(truth), noun)

    def name(self) -> Result:
        """Return what was evaluated on what, as a result begins."""
        return {"model": self.options.model, "src": self.options.src, "split": self.split}

    def tell(self, reporter: Reporter) -> Result:
        """Return what makes figures mean less, as a result ends; warn of it."""
        read, trained = len(self.read), self.predictions.trained_on
        stray = 0 if self.split is None else len(list_unread(self.source))
        if stray:
            reporter.warn(
                f"{say_unread(self.source)}: in no figure, and --max-failures does not count"
                f" {agree(stray, 'it')}"
            )
        return {
            "n_different": self.drawn.n_different,
            "trained_on": inputs.count_trained(self.options, trained, read, reporter),
            "groups_trained_on": warn_of_seen_groups(
                self.options, self.shown, self.source.records, self.predictor, reporter
            ),
            "failed": len(self.failures),
            "failed_of_unknown_part": stray,
            "incomplete": is_unfinished(self.source),
            "report": self.options.report,
        }


def predict_labelled(
    options: Any,
    predictor: Any,
    records: list[ImageRecord],
    split: str | None,
    reporter: Reporter,
    *,
    source: ImageSource,
    meaning: Meaning = CLASSES,
    given: Any = None,
    promises: bool = False,
) -> Evaluated:
    """Predict images whose labels are known, for figures and, where one is asked for, a page.

    Parameters
    ----------
    options : EvaluateOptions
    predictor : ImagePredictor, NumberPredictor or LabelPredictor
    records : list of ImageRecord
    split : str or None
        Their part.
    reporter : Reporter
    source : ImageSource
        What they are of.
    meaning : Meaning
        Of the labels.
    given : EvaluateOptions, optional
        As they were given, if `options` are others.
    promises : bool
        Whether a rule for abstaining is looked at, as of `Predictor.predict_records`.

    Raises
    ------
    SourceError
        If no image can be read, or the training images cannot be found where ``--train`` says that they are.
    UsageError
        As of `prepare_companions`.
    """
    from cnncodes.images import draw_together

    tell_unused_holdout(options.src, options, reporter)
    companions = prepare_companions(options, reporter, meaning) if is_page(options.report) else None
    records = records if companions is None else companions.watch(records)
    predictions = predictor.predict_records(
        records,
        n_jobs=options.n_jobs,
        memory=options.memory,
        on_progress=reporter.progress("predicting"),
        codes=companions is not None,
        **({"promises": True} if promises else {}),  # which is about classes alone
    )
    read = list_read(options.src, records, predictions)
    drawn = draw_together([records[i] for i in read], predictions.contents[read])
    return Evaluated(
        options, given or options, split, source, predictor, records, predictions, read, drawn, companions
    )
