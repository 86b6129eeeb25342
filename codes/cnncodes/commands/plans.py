"""Opening the view plan that a command is given, with principal colours where training images are given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cnncodes.commands import common, inputs
from cnncodes.commands.reporter import Reporter
from cnncodes.errors import SourceError, UsageError
from cnncodes.schema import option

if TYPE_CHECKING:
    from cnncodes.views import ViewPlan

HELP_PLAN = "A plan's name from 'cnncodes views list', or a .toml file."


@dataclass(frozen=True, kw_only=True)
class PlanOptions(common.DecodingOptions):
    """Options of the commands that open a plan."""

    random_state: int | None = option(
        f"{common.HELP_RANDOM_VIEWS} In a plan's file, replaces what stands there. [0; a file: its own]",
        default=None,
        metavar="N",
        check=common.check_views_state,
    )
    data: str | None = option(
        "Training images, from whose part 'train' (all, if they have no parts) principal colours are"
        " computed for 'pca'.",
        default=None,
        metavar="SRC",
    )


def open_plan(name: str, options: PlanOptions, reporter: Reporter) -> ViewPlan:
    """Return the plan that is asked for, with principal colours where training images are given.

    Raises
    ------
    UsageError
        If there is no such plan, or training images are given to one that has no use for them.
    """
    from cnncodes.views import ViewPlan

    plan = ViewPlan.parse(name)
    if options.random_state is not None and plan.random is not None:
        plan = replace(plan, random=replace(plan.random, random_state=options.random_state))
    if options.data is None:
        return plan
    if not plan.needs_colors:
        has = "holds its principal colours already" if "color_offset" in plan.columns else "has no 'pca'"
        raise UsageError(f"--data computes principal colours, and the plan {has}: leave --data out.")
    return _with_colors(plan, options, reporter)


def _with_colors(plan: ViewPlan, options: PlanOptions, reporter: Reporter) -> ViewPlan:
    from cnncodes.embedding import measure_colors, training_records

    source = inputs.open_images(str(options.data), options)
    records = training_records(source)
    if not records:
        raise SourceError(
            f"{options.data!r} has parts but no 'train': principal colours come from training images alone."
        )
    colors = measure_colors(
        records,
        max_pixels=options.max_pixels,
        n_jobs=options.n_jobs,
        on_progress=reporter.progress("measuring colours"),
    )
    if colors.n_images < len(records):
        missing = len(records) - colors.n_images
        reporter.warn(f"{missing} of {len(records)} training images cannot be read and are left out")
    return plan.with_colors(colors)
