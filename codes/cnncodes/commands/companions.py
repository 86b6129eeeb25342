"""What a page on an estimator shows beside its figures: training images, data checks, a baseline."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.commands.reporter import Reporter
from cnncodes.commands.tasks import ADVICE, CLASSES, Meaning
from cnncodes.commands.training_images import Candidates, find_candidates, name_kind, read_trained
from cnncodes.disk import parse_json
from cnncodes.errors import UsageError, sentence

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cnncodes.estimators.predictor import ImagePredictor
    from cnncodes.evaluation.checks import DataChecks
    from cnncodes.evaluation.checks.looking import Look
    from cnncodes.images import ImageRecord
    from cnncodes.report import CheckedData, Comparison, Training

#: Images up to which the data are checked by themselves.
FEW = 5_000

_MANY = f"Of more than {FEW:,} images that takes minutes: --checks always does it, or cnncodes check."


@dataclass
class Companions:
    """What is shown beside the figures; made before the images are read, so that each is read once.

    Attributes
    ----------
    options : EvaluateOptions
    meaning : Meaning
        Of the labels.
    candidates : Candidates
        Training images, as far as is known before they are read.
    comparison : Comparison or None
    looks : dict of str to Look
        Of the images that were read, by key; None where the data are not checked.
    why : str
        Why they are not.
    origin : dict of str to str
        What took part, to make the page again.
    """

    options: Any
    meaning: Meaning
    candidates: Candidates
    comparison: Comparison | None
    looks: dict[str, Look] | None
    why: str = ""
    origin: dict[str, str] = field(default_factory=dict)

    @property
    def checks_data(self) -> bool:
        """Whether the data are checked, if they are not too many."""
        return self.looks is not None

    def watch(self, records: list[ImageRecord]) -> list[ImageRecord]:
        """Return the images to evaluate such that the data checks see what is read, where they are made."""
        if self.looks is not None and self._are_many(len(records)):  # what is looked at is kept
            self.looks, self.why = None, _MANY
        if self.looks is None:
            return records
        from cnncodes.evaluation.checks.looking import watch

        # Where a source has no parts, this is what tells its images from those of training.
        part = "evaluated" if self.candidates.records else None
        named = [dataclasses.replace(r, split=r.split or part) for r in records]
        return [*watch(named, self.looks, max_pixels=self.options.max_pixels)]

    def _are_many(self, n: int) -> bool:
        return self.options.checks == "auto" and n > FEW

    def look(
        self,
        predictor: ImagePredictor,
        records: Sequence[ImageRecord],
        codes: npt.NDArray[np.float32],
        reporter: Reporter,
    ) -> tuple[Training | str, CheckedData | str]:
        """Read the training images, find those next to each image, and check the data.

        Parameters
        ----------
        predictor : ImagePredictor
        records : sequence of ImageRecord
            Those evaluated that could be read, as `watch` gave them.
        codes : ndarray of float32, shape (n_images, code_size)
        reporter : Reporter

        Returns
        -------
        training : Training or str
        data : CheckedData or str
            Or in a sentence why there is none.
        """
        from cnncodes.report import find_training

        found = read_trained(self.candidates, predictor, self.options, self.looks, reporter)
        if isinstance(found, str):
            return found, self._check(records, codes, [], codes[:0], reporter, why_alone=found)
        trained, others = found
        whose = f"that the {name_kind(predictor)} was trained on"
        described = f"{len(trained):,} images of {self.candidates.source} {whose}"
        self.origin["Nearest training images"] = described
        reporter.note(f"searching {described} for those nearest to each of {len(records):,}")
        training = find_training([r.key for r in records], codes, trained, others, described)
        return training, self._check(records, codes, trained, others, reporter)

    def _check(
        self,
        records: Sequence[ImageRecord],
        codes: npt.NDArray[np.float32],
        trained: Sequence[ImageRecord],
        others: npt.NDArray[np.float32],
        reporter: Reporter,
        *,
        why_alone: str = "",
    ) -> CheckedData | str:
        """Check the data; `why_alone` says in a sentence why there are no training images among them."""
        import numpy as np

        from cnncodes.evaluation.checks import run_checks
        from cnncodes.report import CheckedData

        if self.looks is None:
            return self.why
        # An image of both, as where all of a source is evaluated, is one.
        own = {record.key for record in records}
        more = [i for i, record in enumerate(trained) if record.key not in own]
        checked = [*records, *(trained[i] for i in more)]
        if self._are_many(len(checked)):
            return _MANY
        reporter.note(f"checking the data, {len(checked):,} images")
        looks = [self.looks[record.key] for record in checked]
        found = run_checks(
            checked,
            looks,
            np.concatenate([codes, others[more]]),
            regression=self.meaning.regression,
            label_delimiter=self.meaning.label_delimiter,
            n_jobs=self.options.n_jobs,
        )
        if why_alone and len(found.parts) < 2:
            found = _say_alone(found, why_alone)
        described = f"{len(records):,} images that were evaluated"
        if more:
            described += f" and {len(more):,} that were trained on"
        return CheckedData(found, {record.key: record for record in checked}, described)


def _say_alone(checks: DataChecks, why: str) -> DataChecks:
    """Say that nothing was looked for between training images and others, whatever parts a source has."""
    from cnncodes.evaluation.checks.report import LeftOut

    kept = [one for one in checks.left_out if one.check != "groups"]
    said = [
        LeftOut(check, f"not looked for between training images and these, without the former. {why}")
        for check in ("duplicates", "groups")
    ]
    return dataclasses.replace(checks, left_out=(*said, *kept))


def prepare_companions(options: Any, reporter: Reporter, meaning: Meaning = CLASSES) -> Companions:
    """Find out what a page can show beside its figures, before any image is read.

    Parameters
    ----------
    options : EvaluateOptions
    reporter : Reporter
    meaning : Meaning
        Of the labels.

    Raises
    ------
    UsageError
        If the baseline's report is none, or about something else; or training images, which ``--checks
        always`` is to check, too, have what is no number.
    SourceError
        If the training images cannot be found where ``--train`` says that they are.
    """
    comparison = None if options.baseline is None else read_baseline(options.baseline, meaning)
    origin = {} if options.baseline is None else {"Baseline": options.baseline}
    candidates = find_candidates(options, reporter, by_class=meaning.by_class)
    why = _say_why_unchecked(options, candidates, meaning, reporter)
    looks: dict[str, Look] | None = None if why else {}
    return Companions(options, meaning, candidates, comparison, looks, why, origin)


def _say_why_unchecked(options: Any, candidates: Candidates, meaning: Meaning, reporter: Reporter) -> str:
    """Return in a sentence why the data are not checked; empty where they are."""
    if options.checks == "never":
        return "They were left out by --checks never."
    if not meaning.regression:
        return ""
    from cnncodes.estimators.targets import read_targets

    try:
        read_targets(candidates.records, if_classes="--train takes a table with the numbers.")
    except UsageError as error:
        if options.checks == "always":
            raise
        reporter.warn(f"the data are not checked: of the training images {error}")
        return f"Of the training images {sentence(str(error))}"
    return ""


def read_baseline(path: str, meaning: Meaning = CLASSES) -> Comparison:
    """Read the report in JSON of ``cnncodes baseline``.

    Raises
    ------
    UsageError
        If it cannot be read, or is something else; or its ways are compared by another figure than those that
        predict what labels mean.
    """
    from cnncodes.report import read_comparison

    try:
        report = parse_json(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path!r} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"{path!r} is no JSON: give what 'cnncodes baseline -o' wrote.") from error
    found = read_comparison(report, path)
    if found.figure != meaning.figure:
        raise UsageError(
            f"{path!r} compares {found.figure.ways} by their {found.figure.name}, and this page is about"
            f" {meaning.title}, by their {meaning.figure.name}: to make such a ladder of the same images"
            f" {ADVICE[meaning.name]} ('cnncodes baseline')."
        )
    return found
