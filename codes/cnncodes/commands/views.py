"""``cnncodes views``: view plans listed, shown on an image, and written to files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cnncodes.commands import common
from cnncodes.commands.command import Command, Result
from cnncodes.commands.outputs import check_output
from cnncodes.commands.plans import HELP_PLAN, PlanOptions, open_plan
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.sheets import VIEWS_SHOW
from cnncodes.commands.tables import format_table
from cnncodes.errors import UsageError
from cnncodes.schema import option

#: How plans are made of names, each with what it gives.
COMPOSED = (
    ("rotation:4", "four views, each turned by another angle"),
    ("rotation+lens:2", "two views, each both turned and bent"),
    ("center, train:8", "the centre, then eight random views; any fixed plan may come first"),
    ("train+pca:8", "colours vary too, along the principal components of the training images"),
    ("plan.toml", "a file with other ranges; start from 'cnncodes views write train:8 -o plan.toml'"),
)


def _check_plan_name(name: str) -> None:
    if Path(name).suffix.lower() != ".toml":
        raise UsageError(f"a plan's file must end in .toml. Got {name!r}.")


@dataclass(frozen=True)
class ListOptions:
    """Options of ``cnncodes views list``: none."""


@dataclass(frozen=True, kw_only=True)
class WriteOptions(PlanOptions):
    """Options of ``cnncodes views write``."""

    plan: str = option(HELP_PLAN, check=common.check_views)
    out: str | None = option(
        "File (.toml) for the plan. [stdout]",
        default=None,
        short="-o",
        metavar="FILE",
        check=_check_plan_name,
    )


def run_list(options: ListOptions, reporter: Reporter) -> Result:
    """List the plans and augmentations that have a name."""
    from cnncodes.views import ViewPlan
    from cnncodes.views.names import AUGMENTATIONS, FIXED_PLANS, TRAIN

    known = {name: known.describes for name, known in AUGMENTATIONS.items()}
    return {
        "plans": [
            {"name": name, "views": ViewPlan.parse(name).count, "describes": describes}
            for name, (_, describes) in FIXED_PLANS.items()
        ],
        "augmentations": [
            {"name": name, "describes": describes}
            for name, describes in {"train": " and ".join(TRAIN), **known}.items()
        ],
        "composed": [{"name": name, "describes": describes} for name, describes in COMPOSED],
    }


def render_list(result: Result) -> str:
    """Return three tables: fixed plans, augmentations, and how they are put together."""
    plans = [(plan["name"], f"{plan['views']}", plan["describes"]) for plan in result["plans"]]
    varied = [(f"{item['name']}:N", item["describes"]) for item in result["augmentations"]]
    composed = [(item["name"], item["describes"]) for item in result["composed"]]
    return "\n\n".join(
        (
            format_table([("plan", "views", "the same crops of every image"), *plans]),
            format_table([("plan", "N random views of each image, drawn from its content"), *varied]),
            format_table([("composed", "what it gives"), *composed]) + "\n",
        )
    )


def run_write(options: WriteOptions, reporter: Reporter) -> Result:
    """Write a plan as TOML."""
    from cnncodes.store.files import write_file

    check_output(options.out, (options.data,))
    plan = open_plan(options.plan, options, reporter)
    if plan.needs_colors:
        reporter.warn(
            "the plan varies colours by 'pca' and holds no principal colours yet: --data TRAINING_IMAGES"
            " computes them; without it, 'cnncodes embed' and 'cnncodes fit' take those of their own"
        )
    text = plan.to_toml()
    if options.out is not None:
        write_file(options.out, text.encode("utf-8"))
    return {"out": options.out, "plan": plan.to_dict(), "id": plan.id, "views": plan.count, "toml": text}


def render_write(result: Result) -> str:
    """Return the TOML, or where it was written."""
    if result["out"] is None:
        return str(result["toml"])
    return f"Plan {result['id']}, {result['views']} views of each image: {result['out']}\n"


VIEWS = (
    Command(
        "views list",
        ListOptions,
        run_list,
        render_list,
        "List the view plans and augmentations that have a name.",
        "cnncodes views list",
        ("plans", "augmentations"),
    ),
    VIEWS_SHOW,
    Command(
        "views write",
        WriteOptions,
        run_write,
        render_write,
        "Write a view plan as TOML, with principal colours computed where it needs them.",
        "cnncodes views write train+pca:8 --data photos/ -o plan.toml",
        ("out", "id"),
    ),
)
