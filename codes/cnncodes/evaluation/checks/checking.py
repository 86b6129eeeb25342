"""All checks of a source of images, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.choices import BACKBONE
from cnncodes.errors import SourceError, UsageError, name_some, sentence
from cnncodes.estimators.aggregation import average_rows
from cnncodes.estimators.inputs import embed_records, make_embedder, settle_embedders
from cnncodes.estimators.label_sets import check_divided
from cnncodes.evaluation.checks import outliers
from cnncodes.evaluation.checks.duplicate_findings import find_copies
from cnncodes.evaluation.checks.duplicates import NEAREST, find_duplicates
from cnncodes.evaluation.checks.finding import CHECKS, Finding
from cnncodes.evaluation.checks.groups import find_shared_groups, join_groups
from cnncodes.evaluation.checks.labelled import Labelled, find_in_classes
from cnncodes.evaluation.checks.looking import Look, watch
from cnncodes.evaluation.checks.neighbours import find_neighbours
from cnncodes.evaluation.checks.numbered import find_in_numbers
from cnncodes.evaluation.checks.opening import open_labelled
from cnncodes.evaluation.checks.report import DataChecks, LeftOut
from cnncodes.evaluation.checks.several import find_in_label_sets
from cnncodes.evaluation.checks.truth import Truth, read_truth
from cnncodes.images import ImageRecord

if TYPE_CHECKING:
    from cnncodes.backbones import Backbone
    from cnncodes.views import ViewPlan


def check_data(
    src: Any,
    y: Any = None,
    *,
    groups: Any = None,
    regression: bool = False,
    label_delimiter: str | None = None,
    backbone: str | Path | Backbone = BACKBONE,
    views: str | Path | ViewPlan = "flip",
    decode: str = "exact",
    max_pixels: int | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
    memory: str | Path | None = None,
    on_progress: Callable[[int, int, int], None] | None = None,
) -> DataChecks:
    """Say what to know of images and labels before a score on them is believed.

    Parameters
    ----------
    src : path, list or ImageSource
        A folder (of class folders, or flat), a CSV or Parquet table, a list of paths, encoded bytes, PIL
        images or uint8 arrays, or what `cnncodes.images.open_source` gave. Checks that need labels, parts or
        groups are left out where there are none, and the result says so.
    y : array-like, shape (n_images,), optional
        Labels of a list of images, in its order; a folder, a table or an ImageSource has its own. Classes
        (str, int or bool), numbers, or sets of labels or an indicator, as `ImageMultiLabelClassifier` takes
        them. None, NaN and ``""``: no label.
    groups : array-like, shape (n_images,), optional
        What each image of a list belongs to (a patient, a camera); None, NaN and ``""``: to nothing.
    regression : bool
        The labels are numbers to predict.
    label_delimiter : str, optional
        The labels are texts of several each, divided by that: ``"|"`` for ``"sea|sky"``; alone it means none.
    backbone : str, path or Backbone
        The network that makes the codes.
    views : str, path or ViewPlan
        Views of each image, whose codes are averaged. ``"flip"`` makes a picture and its mirror image alike.
    decode : {"exact", "fast", "nvimgcodec", "nvimgcodec-cpu"}
        How JPEGs are decoded for the codes.
    max_pixels : int, optional
        Images with more pixels are not read; None means 89,478,485.
    random_state : int
        Decides folds and resamples.
    n_jobs : int, optional
        Images worked on at once; None is one for each usable core.
    memory : path, optional
        Folder that keeps codes between runs.
    on_progress : callable, optional
        Called as ``on_progress(done, total, failed)``.

    Returns
    -------
    DataChecks

    Raises
    ------
    SourceError
        If there are no images, or none can be read.
    UsageError
        If there is not one label, or group, for each image of a list, or the source has its own; if labels
        are not what they are said to be: numbers, or texts with that delimiter.

    Examples
    --------
    >>> from PIL import Image
    >>> noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    >>> checks = check_data([noise[0], noise[1], noise[0]])
    >>> checks.findings[0].images
    ('image-00000000', 'image-00000002')
    """
    source, label_delimiter = open_labelled(
        src, y, groups, regression=regression, label_delimiter=label_delimiter
    )
    meant: dict[str, Any] = {"regression": regression, "label_delimiter": label_delimiter}
    _check_meaning(source.records, **meant)  # before any image is read
    looks: dict[str, Look] = {}
    records = watch(source.records, looks, max_pixels=max_pixels)
    learners = [record for record in records if record.split in (None, "train")] or records
    [embedder] = settle_embedders(
        [make_embedder(backbone, views, decode, max_pixels, random_state)], learners, n_jobs
    )
    rows = embed_records(embedder, records, n_jobs=n_jobs, memory=memory, on_progress=on_progress)
    failures = tuple((failure.key, failure.reason) for failure in rows.failures.values())
    read = [i for i in range(len(records)) if i not in rows.failures]
    if not read:
        key, reason = failures[0]
        raise SourceError(
            f"none of the {len(records)} images of {source.name!r} can be read; the first is {key!r}:"
            f" {sentence(reason)}"
        )
    kept = [source.records[i] for i in read]
    codes = average_rows(rows.X, rows.counts[read]).astype(np.float32)
    seen = [looks[record.key] for record in kept]
    options: dict[str, Any] = {"failures": failures, "random_state": random_state, "n_jobs": n_jobs}
    return run_checks(kept, seen, codes, **meant, **options)


def _check_meaning(records: Sequence[ImageRecord], *, regression: bool, label_delimiter: str | None) -> None:
    """Raise `UsageError` where labels are not what they are said to be."""
    read_truth(records, regression=regression, label_delimiter=label_delimiter)
    if label_delimiter is not None:
        texts = [str(record.label) for record in records if record.label is not None]
        check_divided(texts, label_delimiter)


def run_checks(
    records: Sequence[ImageRecord],
    looks: Sequence[Look],
    codes: npt.NDArray[np.float32],
    *,
    regression: bool = False,
    label_delimiter: str | None = None,
    failures: tuple[tuple[str, str], ...] = (),
    random_state: int = 0,
    n_jobs: int | None = None,
) -> DataChecks:
    """Run all checks on images whose codes are known.

    Parameters
    ----------
    records : sequence of ImageRecord, length n
        Only key, label, part and group are used.
    looks : sequence of Look, length n
    codes : ndarray of float32, shape (n, code_size)
        One an image: that of one view, or the mean of several.
    regression, label_delimiter
        As of `check_data`.
    failures : tuple of (str, str)
        Key and reason of images that cannot be read.
    random_state : int
        Decides folds and resamples.
    n_jobs : int, optional
        Pairs of pictures compared at once; None is one for each usable core.

    Raises
    ------
    UsageError
        If there is no image, the lengths differ, a code is not finite, or a label is no number where they are
        said to be.
    """
    if not len(records) or codes.ndim != 2 or not len(records) == len(looks) == len(codes):
        raise UsageError(
            "records, looks and codes must be of the same images, at least one. Got"
            f" {len(records)} records, {len(looks)} looks and codes of shape {codes.shape}."
        )
    if not np.isfinite(codes).all():
        bad = [records[i].key for i in np.flatnonzero(~np.isfinite(codes).all(axis=1)).tolist()]
        raise UsageError(f"codes must be finite numbers; those of {name_some(bad, 3)} are not.")
    keys, parts = [record.key for record in records], [record.split for record in records]
    truth = read_truth(records, regression=regression, label_delimiter=label_delimiter)
    own_groups = [record.group for record in records]
    neighbours = find_neighbours(codes, max(NEAREST, outliers.NEIGHBOUR))
    copies = find_duplicates(looks, neighbours, n_jobs)
    groups = join_groups(own_groups, [copy.rows for copy in copies])
    told: dict[str, Any] = {"task": truth.task, "tolerance": truth.tolerance, "named": own_groups}
    found = [
        *find_copies(keys, copies, truth.given, parts, **told),
        *find_shared_groups(keys, own_groups, parts),
        *outliers.find_outlying_images(keys, neighbours),
        *outliers.find_damaged_images(keys, looks),
    ]
    rows = truth.rows
    of_rows = [keys[i] for i in rows], [looks[i] for i in rows]
    images = Labelled(*of_rows, codes[rows], truth.values, groups[rows])
    by_label, missing = _find_in_truth(truth, images, random_state)
    return DataChecks(
        n=len(records),
        labelled=len(rows),
        classes=truth.names,
        parts=tuple(sorted({part for part in parts if part is not None})),
        findings=tuple(sorted([*found, *by_label], key=_rank)),
        left_out=(*_say_left_out(records), *missing),
        failures=failures,
        task=truth.task,
    )


def _find_in_truth(truth: Truth, images: Labelled, random_state: int) -> tuple[list[Finding], list[LeftOut]]:
    """Run the checks that need labels, of whichever sort these are."""
    if truth.task == "numbers":
        return find_in_numbers(images, random_state)
    if truth.task == "labels":
        return find_in_label_sets(images, truth.names, random_state)
    return find_in_classes(images, random_state)


def _rank(finding: Finding) -> tuple[bool, int, bool, bool, int]:
    """Sort warnings first, then by check, then what crosses parts, what is certain, what has most images."""
    return (
        finding.severity != "warn",
        CHECKS.index(finding.check),
        finding.details.get("kind") != "parts",
        finding.certainty != "certain",
        -len(finding.images),
    )


def _say_left_out(records: Sequence[ImageRecord]) -> list[LeftOut]:
    """Say which checks there was nothing for, of those that need no labels."""
    left_out = []
    if len({record.split for record in records} - {None}) < 2:
        left_out.append(LeftOut("groups", "the images are not in several parts (train, test)."))
    elif all(record.group is None for record in records):
        left_out.append(LeftOut("groups", "no image says what group it belongs to."))
    if len(records) < outliers.LEAST:
        left_out.append(LeftOut("outliers", f"that takes {outliers.LEAST} images; there are {len(records)}."))
    return left_out
