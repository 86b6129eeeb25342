"""Reports as pages: what a command knows, as `cnncodes.report` wants it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cnncodes.commands.command import TOO_MANY_FAILURES, Result, showing
from cnncodes.commands.evaluate_common import Evaluated
from cnncodes.commands.failures import judge_failures
from cnncodes.commands.outputs import is_page
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.reproducing import RANDOM_STATES, describe_model, describe_run, ladder_states
from cnncodes.commands.training_images import name_kind
from cnncodes.errors import UsageError, install_advice

if TYPE_CHECKING:
    from cnncodes.commands.companions import Companions
    from cnncodes.report import Origin


def check_page_options(options: Any) -> None:
    """Raise `UsageError` where an option is for pages alone, and no page is asked for.

    Parameters
    ----------
    options : EvaluateOptions
    """
    if is_page(options.report):
        return
    given = {"--train": options.train, "--baseline": options.baseline}
    wanted = [flag for flag, value in given.items() if value is not None]
    if options.checks != "auto":
        wanted.append("--checks")
    if wanted:
        raise UsageError(f"{' and '.join(wanted)}: for a page alone. Give one, such as -o report.html.")


def finish(
    found: Evaluated, result: Result, render: Callable[[dict[str, Any]], bytes], reporter: Reporter
) -> None:
    """Write the page of what was evaluated, where one was asked for, and warn of images that failed.

    Parameters
    ----------
    found : Evaluated
    result : dict
        What is shown where the page fails; whether too many images failed is added.
    render : callable
        Makes the page of what `cnncodes.report.material.Subject` has, by name.
    reporter : Reporter
    """
    options = found.options
    if found.companions is not None:
        _write_page(found, found.companions, result, render, reporter)
    result[TOO_MANY_FAILURES] = judge_failures(found.failures, found.total, options.max_failures, reporter)


def _write_page(
    found: Evaluated,
    companions: Companions,
    result: Result,
    render: Callable[[dict[str, Any]], bytes],
    reporter: Reporter,
) -> None:
    """Write an HTML file, whole or not at all."""
    from cnncodes.store.files import write_file

    with showing(result):
        options, predictions, shown = found.options, found.predictions, found.shown
        # A copy only where it has to be one: of many images codes are most of the memory.
        codes = predictions.codes if len(shown) == len(found.records) else predictions.codes[found.read]
        training, data = companions.look(found.predictor, shown, codes, reporter)
        reporter.note("drawing the report")
        page = render(
            {
                "predictor": found.predictor,
                "records": shown,
                "codes": codes,
                "trained_on": int(predictions.trained_on.sum()),
                "drawn": found.drawn,
                "groups_trained_on": result["groups_trained_on"],
                "failed": len(found.failures),
                "origin": _describe_origin(found, companions),
                "training": training,
                "data": data,
                "comparison": companions.comparison,
                "n_jobs": options.n_jobs,
                "watch": reporter.progress,
            }
        )
        write_file(options.report, page)
        _note_lacking(found, companions, reporter)


def _note_lacking(found: Evaluated, companions: Companions, reporter: Reporter) -> None:
    """Say what the page would show if more were given or installed, and how to have it."""
    from cnncodes.report.activation import needs_onnx

    lacking = []
    if found.options.train is None and not companions.candidates.records:
        lacking.append("the nearest training images (--train SRC says where they are)")
    if needs_onnx(found.predictor):
        lacking.append(f"class activation maps ({install_advice('report')})")
    if lacking:
        reporter.note(f"{found.options.report} lacks {' and '.join(lacking)}")


def write_ladder_page(options: Any, result: Result, note: str) -> None:
    """Write what ``cnncodes baseline`` found as an HTML file, whole or not at all.

    Parameters
    ----------
    options : BaselineOptions
    result : dict
        As its report in JSON.
    note : str
        What is to be said of how the parts were made.
    """
    from cnncodes.report import Origin, read_comparison, render_comparison
    from cnncodes.store.files import write_file

    origin = Origin(
        **describe_run("baseline", options),
        model=None,
        model_sha256="",
        source=options.src,
        split=None,
        random_states=ladder_states(options),
        others={"Parts": f"trained on {options.train}, tested on {options.test}{note}"},
        timed=options.budget != "none",
    )
    write_file(options.report, render_comparison(read_comparison(result, options.report), origin))


def _describe_origin(found: Evaluated, companions: Companions) -> Origin:
    from cnncodes.plots.layout import RANDOM_STATE as LAYOUT_STATE
    from cnncodes.report import Origin

    options, states = found.options, {**RANDOM_STATES, "map of the codes": LAYOUT_STATE}
    if companions.checks_data:
        states["folds of the data checks"] = 0
    return Origin(
        **describe_run("evaluate", found.given),
        **describe_model(options.model),
        source=options.src,
        split=found.split,
        random_states=states,
        others=companions.origin,
        kind=name_kind(found.predictor).capitalize(),
    )
