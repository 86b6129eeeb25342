"""``cnncodes views gain``: what more views buy, from stored codes alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from cnncodes.commands import common
from cnncodes.commands.command import Command, Result
from cnncodes.commands.reporter import Reporter, format_seconds
from cnncodes.commands.tables import format_interval, format_table
from cnncodes.heads.names import HEADS
from cnncodes.plain import to_plain
from cnncodes.schema import option


@dataclass(frozen=True, kw_only=True)
class GainOptions:
    """Options of ``cnncodes views gain``."""

    codes: str = option("A labelled .codes dataset with several views of each image.")
    head: str = option("Classifier on top of the codes.", default="logistic", choices=HEADS)
    train_views: str | None = option(
        "Views to train on where test views are compared, by a name in the table. [flip or center]",
        default=None,
        metavar="VIEWS",
    )
    folds: int = option(
        "Folds of the cross-validation, where the images have no parts train and test.",
        default=5,
        metavar="N",
        check=common.check_folds,
    )
    random_state: int = option(
        "Decides the folds and the intervals.", default=0, metavar="N", check=common.check_random_state
    )
    n_jobs: int | None = option(common.HELP_JOBS, default=None, metavar="N", check=common.check_jobs)


def run_gain(options: GainOptions, reporter: Reporter) -> Result:
    """Score each subset of the stored views."""
    from cnncodes.evaluation.gain import measure_gain
    from cnncodes.store import read_codes

    started = time.perf_counter()
    codes = read_codes(Path(options.codes))
    gains = measure_gain(
        codes,
        head=options.head,
        train_views=options.train_views,
        n_folds=options.folds,
        random_state=options.random_state,
        n_jobs=options.n_jobs,
        on_progress=reporter.progress("scoring", "choices of views"),
    )
    return {
        "codes": options.codes,
        "head": options.head,
        "n": gains[0].accuracy.n,
        "gains": [to_plain(gain) for gain in gains],
        "seconds": round(time.perf_counter() - started, 3),
    }


def render_gain(result: Result) -> str:
    """Return the table of accuracies against views and cost."""
    rows = [
        ("trained on", "tested on", "views", "runs", "accuracy", "95% interval", "difference", "95% interval")
    ]
    for gain in result["gains"]:
        accuracy, difference = gain["accuracy"], gain["difference"]
        rows.append(
            (
                gain["trained_on"],
                gain["tested_on"],
                f"{gain['train_views']} / {gain['test_views']}",
                f"{gain['runs']:.1f}",
                f"{accuracy['value']:.3f}",
                format_interval(accuracy),
                "reference" if difference is None else f"{difference['value']:+z.3f}",
                "" if difference is None else format_interval(difference),
            )
        )
    return (
        f"{format_table(rows)}\n\nOn {result['n']:,} images of {result['codes']}, head {result['head']}, in"
        f" {format_seconds(result['seconds'])}. Views are those of training / of testing; runs is how often"
        " the network runs for a test image; differences are to the reference, on the same images.\n"
    )


VIEWS_GAIN = Command(
    name="views gain",
    options=GainOptions,
    run=run_gain,
    render=render_gain,
    summary="Say what more views buy, from stored codes alone; many training views take minutes.",
    example="cnncodes views gain photos.codes",
    results=("gains", "n"),
)
