"""Images to evaluate on whose group was trained on: a patient, a camera, a product on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cnncodes.commands import inputs
from cnncodes.commands.reporter import Reporter
from cnncodes.errors import agree

if TYPE_CHECKING:
    from cnncodes.estimators.contents import Contents
    from cnncodes.estimators.predictor import ImagePredictor
    from cnncodes.images import ImageRecord


def count_seen_groups(
    options: Any,
    records: Sequence[ImageRecord],
    trained: Contents,
    trained_groups: Contents,
    *,
    whole: Sequence[ImageRecord] | None = None,
) -> int:
    """Return how many images are of a group that was trained on, or of which others of the source were.

    What was fitted without groups knows its training images by their contents alone, so that those of the
    source are read, of each group until one was trained on.

    Parameters
    ----------
    options : EvaluateOptions or CompareOptions
    records : sequence of ImageRecord
        The images to evaluate on that could be read.
    trained : ndarray of uint64
        Contents of the images that were trained on.
    trained_groups : ndarray of uint64
        Their groups, as far as they had any.
    whole : sequence of ImageRecord, optional
        All images of the source, where they are listed already.
    """
    from cnncodes.estimators.contents import find_trained_groups

    names = sorted({record.group for record in records if record.group is not None})
    if not names:
        return 0
    known = find_trained_groups(trained_groups, names)
    seen: set[str | None] = {name for name, is_known in zip(names, known, strict=True) if is_known}
    groups = {*names} - seen
    own = {record.key for record in records}
    others = inputs.open_images(options.src, options).records if whole is None else whole
    seen |= _find_trained(
        (record for record in others if record.group in groups and record.key not in own),
        trained,
        options.n_jobs,
    )
    return sum(record.group in seen for record in records)


def warn_of_seen_groups(
    options: Any,
    records: Sequence[ImageRecord],
    whole: Sequence[ImageRecord],
    predictor: ImagePredictor,
    reporter: Reporter,
) -> int:
    """Return the same of a saved estimator, and warn of them."""
    known = predictor.trained, predictor.trained_groups
    count = count_seen_groups(options, records, *known, whole=whole)
    if count:
        reporter.warn(
            f"{count} of these {len(records)} images {agree(count, 'is')} of groups that were"
            " trained on: the figures flatter. Put each group into one part"
        )
    return count


def _find_trained(records: Iterable[ImageRecord], trained: Contents, n_jobs: int | None) -> set[str | None]:
    """Return the groups of which an image was trained on, by one image of each at a time."""
    from cnncodes.embedding import run_lanes
    from cnncodes.estimators.contents import find_trained
    from cnncodes.estimators.stored_image import find_contents

    waiting: dict[str | None, list[ImageRecord]] = {}
    for record in records:
        waiting.setdefault(record.group, []).append(record)
    seen: set[str | None] = set()
    while waiting:
        hashes = [*run_lanes(find_contents, [some[-1] for some in waiting.values()], n_jobs)]
        known = find_trained(trained, hashes)
        seen |= {group for group, is_known in zip(waiting, known, strict=True) if is_known}
        waiting = {g: some[:-1] for g, some in waiting.items() if g not in seen and len(some) > 1}
    return seen
