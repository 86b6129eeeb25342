"""A view plan made ready: what it has to learn from training images is learned, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cnncodes.embedding.colors import Progress, measure_colors, training_records
from cnncodes.embedding.isolation import Isolation
from cnncodes.errors import StoreError, UsageError
from cnncodes.images import ImageRecord, ImageSource
from cnncodes.views import PrincipalColors, ViewPlan


def settle_plans(
    plans: Sequence[ViewPlan],
    records: Sequence[ImageRecord],
    *,
    max_pixels: int | None = None,
    n_jobs: int | None = None,
    isolation: Isolation | None = None,
    on_progress: Progress | None = None,
) -> list[ViewPlan]:
    """Return plans with the principal colours of training images, where they need them.

    Parameters
    ----------
    plans : sequence of ViewPlan
    records : sequence of ImageRecord
        Training images alone.
    max_pixels, n_jobs, isolation, on_progress
        As in `measure_colors`.
    """
    if not any(plan.needs_colors for plan in plans):
        return list(plans)
    colors = measure_colors(
        records, max_pixels=max_pixels, n_jobs=n_jobs, isolation=isolation, on_progress=on_progress
    )
    return [plan.with_colors(colors) if plan.needs_colors else plan for plan in plans]


def settle_job(
    plan: ViewPlan,
    source: ImageSource,
    out: Path,
    *,
    max_pixels: int | None = None,
    n_jobs: int | None = None,
    isolation: Isolation | None = None,
    on_note: Callable[[str], None] | None = None,
) -> ViewPlan:
    """Return the plan of a job: with the colours of an earlier run of it, else of the source's training part.

    New images never change what was learned: the codes that are stored would be of another plan. `on_note` is
    told that colours are computed, before they are.

    Raises
    ------
    UsageError
        If the source has parts and no ``train`` among them.
    """
    if not plan.needs_colors:
        return plan
    stored = _stored_colors(out)
    if stored is not None:
        return plan.with_colors(stored)
    records = training_records(source)
    if not records:
        raise UsageError(
            "the view plan varies colours along the principal components of training images, and"
            f" {source.name!r} has parts without 'train' among them. Compute them from other images:"
            " `cnncodes views write PLAN --data TRAINING_IMAGES -o plan.toml`, and then --views plan.toml."
        )
    if on_note is not None:
        on_note("the principal colours of the training images are computed first")
    return settle_plans([plan], records, max_pixels=max_pixels, n_jobs=n_jobs, isolation=isolation)[0]


def _stored_colors(out: Path) -> PrincipalColors | None:
    from cnncodes.store import Manifest  # with Arrow, which the estimators have no need of

    try:
        return ViewPlan.from_dict(Manifest.read(out).views.plan).principal_colors
    except (StoreError, UsageError):  # nothing there yet; what else is wrong with it, opening it says
        return None
