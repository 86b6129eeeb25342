"""What a page on a classifier shows beside its figures: training images, data checks, a baseline."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.reporter import Reporter
from cnncodes.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cnncodes.estimators.predictor import Predictor
    from cnncodes.evaluation.checks.looking import Look
    from cnncodes.images import ImageRecord
    from cnncodes.report import CheckedData, Comparison, Training

#: Training images that are searched at most, and images up to which the data are checked by themselves.
MOST, FEW = 50_000, 5_000
#: What `--train` says for none.
NONE = "none"
#: Images whose codes are averaged at a time: all their views would take too much memory.
_CHUNK = 4096


@dataclass
class Companions:
    """What is shown beside the figures; made before the images are read, so that each is read once.

    Attributes
    ----------
    options : EvaluateOptions
    split : str or None
        The part that is evaluated.
    candidates : list of ImageRecord
        Training images, as far as is known before they are read.
    source : str
        What these are: "the part train of photos".
    why : str
        Why there are none.
    comparison : Comparison or None
    looks : dict of str to Look
        Of the images that were read, by key; None where the data are not checked.
    origin : dict of str to str
        What took part, to make the page again.
    """

    options: Any
    split: str | None
    candidates: list[ImageRecord]
    source: str
    why: str
    comparison: Comparison | None
    looks: dict[str, Look] | None
    origin: dict[str, str] = field(default_factory=dict)

    def watch(self, records: list[ImageRecord]) -> list[ImageRecord]:
        """Return the images to evaluate such that the data checks see what is read, where they are made."""
        if self.looks is None:
            return records
        from cnncodes.evaluation.checks.looking import watch

        # Where a source has no parts, this is what tells its images from those of training.
        named = [dataclasses.replace(r, split=r.split or "test") for r in records]
        return [*watch(named, self.looks, max_pixels=self.options.max_pixels)]

    def look(
        self,
        predictor: Predictor,
        records: Sequence[ImageRecord],
        codes: npt.NDArray[np.float32],
        reporter: Reporter,
    ) -> tuple[Training | str, CheckedData | str]:
        """Read the training images, find those next to each image, and check the data.

        Parameters
        ----------
        predictor : Predictor
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

        trained, others = self._read(predictor, reporter)
        training: Training | str = self.why
        if len(trained) > 1:
            described = f"{len(trained):,} images of {self.source} that the classifier was trained on"
            self.origin["Nearest training images"] = described
            reporter.note(f"searching {described} for those nearest to each of {len(records):,}")
            training = find_training([r.key for r in records], codes, trained, others, described)
        return training, self._check(records, codes, trained, others, reporter)

    def _read(
        self, predictor: Predictor, reporter: Reporter
    ) -> tuple[list[ImageRecord], npt.NDArray[np.float32]]:
        """Return the candidates that were trained on and can be read, and their codes."""
        import numpy as np

        from cnncodes.evaluation.checks.looking import watch

        nothing = np.empty((0, predictor.embedder.backbone.code_size), np.float32)
        if not self.candidates:
            return [], nothing
        chosen = self._choose_trained(predictor, reporter)
        if len(chosen) < 2:
            self.why = (
                f"Of {len(self.candidates):,} images of {self.source}, this classifier was trained on"
                f" {len(chosen)}: give those that it was trained on (--train)."
            )
            reporter.warn(f"nearest training images are left out: {self.why}")
            return [], nothing
        reporter.note(
            f"codes of {len(chosen):,} training images, to show the nearest (--memory keeps codes, --train"
            f" {NONE} leaves them out)"
        )
        if self.looks is not None:
            chosen = [*watch(chosen, self.looks, max_pixels=self.options.max_pixels)]
        codes = _embed(predictor, chosen, self.options, reporter)
        good = np.asarray(np.isfinite(codes).all(axis=1))
        return [record for record, is_good in zip(chosen, good, strict=True) if is_good], codes[good]

    def _choose_trained(self, predictor: Predictor, reporter: Reporter) -> list[ImageRecord]:
        import numpy as np

        from cnncodes.embedding import run_lanes
        from cnncodes.estimators.contents import find_trained

        progress, hashes = reporter.progress("looking for training images"), []
        for content in run_lanes(_hash_contents, self.candidates, self.options.n_jobs):
            hashes.append(content)
            progress(len(hashes), len(self.candidates))
        rows = np.flatnonzero(find_trained(predictor.trained, hashes))
        if len(rows) > MOST:
            rows = np.sort(np.random.default_rng(0).choice(rows, MOST, replace=False))
            reporter.warn(f"of the training images {MOST:,} are drawn, always the same ones, to be searched")
        return [self.candidates[i] for i in rows.tolist()]

    def _check(
        self,
        records: Sequence[ImageRecord],
        codes: npt.NDArray[np.float32],
        trained: Sequence[ImageRecord],
        others: npt.NDArray[np.float32],
        reporter: Reporter,
    ) -> CheckedData | str:
        import numpy as np

        from cnncodes.evaluation.checks import run_checks
        from cnncodes.report import CheckedData

        if self.options.checks == "never":
            return "They were left out by --checks never."
        # An image of both, as where all of a source is evaluated, is one.
        own = {record.key for record in records}
        more = [i for i, record in enumerate(trained) if record.key not in own]
        checked = [*records, *(trained[i] for i in more)]
        if self.options.checks == "auto" and len(checked) > FEW:
            return (
                f"Of more than {FEW:,} images that takes minutes: --checks always does it, or cnncodes check."
            )
        assert self.looks is not None
        reporter.note(f"checking the data, {len(checked):,} images")
        looks = [self.looks[record.key] for record in checked]
        found = run_checks(checked, looks, np.concatenate([codes, others[more]]), n_jobs=self.options.n_jobs)
        described = f"{len(records):,} images that were evaluated"
        if more:
            described += f" and {len(more):,} that were trained on"
        return CheckedData(found, {record.key: record for record in checked}, described)


def prepare_companions(options: Any, split: str | None, reporter: Reporter) -> Companions:
    """Find out what a page can show beside its figures, before any image is read.

    Parameters
    ----------
    options : EvaluateOptions
    split : str or None
        The part that is evaluated.
    reporter : Reporter

    Raises
    ------
    UsageError
        If the baseline's report is none.
    SourceError
        If the training images cannot be found where ``--train`` says that they are.
    """
    comparison = None if options.baseline is None else read_baseline(options.baseline)
    candidates, source, why = _find_candidates(options, reporter)
    origin = {} if options.baseline is None else {"Baseline": options.baseline}
    looks: dict[str, Look] | None = None if options.checks == "never" else {}
    return Companions(options, split, candidates, source, why, comparison, looks, origin)


def read_baseline(path: str) -> Comparison:
    """Read the report in JSON of ``cnncodes baseline``.

    Raises
    ------
    UsageError
        If it cannot be read, or is something else.
    """
    from cnncodes.report import read_comparison

    try:
        report = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path!r} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"{path!r} is no JSON: give what 'cnncodes baseline -o' wrote.") from error
    return read_comparison(report, path)


def _find_candidates(options: Any, reporter: Reporter) -> tuple[list[ImageRecord], str, str]:
    """Return the images that may be those of training, what they are, and why there are none."""
    if options.train == NONE:
        return [], "", f"They were left out by --train {NONE}."
    if options.train is None:
        records = inputs.open_images(options.src, options).records
        found = [r for r in records if r.split == "train" and r.label is not None]
        why = f"{options.src} has no part train: --train SRC says where they are."
        return found, f"the part train of {options.src}", "" if found else why
    found, part = inputs.labelled_part(options.train, options, None, "train", reporter)
    # Of another source, so that a name may be that of another image here.
    named = [dataclasses.replace(r, key=str(Path(options.train) / r.key), split="train") for r in found]
    return named, f"the part {part} of {options.train}" if part else options.train, ""


def _hash_contents(records: Sequence[ImageRecord]) -> list[str]:
    """Return the hash of each image's content, empty where it cannot be read."""
    from cnncodes.errors import UnreadableImage
    from cnncodes.images import content_hash

    found = []
    for record in records:
        try:
            found.append(content_hash(record.read()))
        except UnreadableImage:
            found.append("")
    return found


def _embed(
    predictor: Predictor, records: Sequence[ImageRecord], options: Any, reporter: Reporter
) -> npt.NDArray[np.float32]:
    """Return the mean of each image's codes over its views; NaN where it cannot be read."""
    import numpy as np

    from cnncodes.estimators.aggregation import average_rows
    from cnncodes.estimators.inputs import embed_records

    progress = reporter.progress("codes of training images")
    means = np.full((len(records), predictor.embedder.backbone.code_size), np.nan, np.float32)
    failed = 0
    for start in range(0, len(records), _CHUNK):
        chunk = records[start : start + _CHUNK]

        def tell(done: int, _total: int, now: int, start: int = start, failed: int = failed) -> None:
            progress(start + done, len(records), failed + now)

        rows = embed_records(
            predictor.embedder, chunk, n_jobs=options.n_jobs, memory=options.memory, on_progress=tell
        )
        read = np.flatnonzero(rows.counts)
        means[start + read] = average_rows(rows.X, rows.counts[read])
        failed += len(rows.failures)
    return means
