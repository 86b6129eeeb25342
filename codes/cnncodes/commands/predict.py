"""``cnncodes predict``: the classes of images, their labels or numbers, as CSV or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.commands import common, inputs
from cnncodes.commands.command import TOO_MANY_FAILURES, Command, Result
from cnncodes.commands.failures import judge_failures
from cnncodes.commands.label_rows import (
    list_label_columns,
    make_label_rows,
    write_labels,
)
from cnncodes.commands.multilabel import choose_delimiter
from cnncodes.commands.number_rows import (
    find_widths,
    list_number_columns,
    make_number_rows,
)
from cnncodes.commands.outputs import check_output
from cnncodes.commands.regression import choose_column
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.tasks import check_given, delimiter_option
from cnncodes.errors import UsageError, count
from cnncodes.schema import option, to_plain

if TYPE_CHECKING:
    from cnncodes.estimators.abstention import AnswerRule
    from cnncodes.estimators.predictor import Predictions

SUFFIXES = (".csv", ".parquet")
#: Python's own: the shortest text that reads back as the same float64.
_WHOLE = ""


def _check_out(path: str) -> None:
    if Path(path).suffix.lower() not in SUFFIXES:
        raise UsageError(f"must end in {' or '.join(SUFFIXES)}. Got {path!r}.")


def _check_priors(priors: tuple[str, ...]) -> None:
    parse_priors(tuple(priors), {})


def parse_priors(priors: tuple[str, ...], classes: dict[str, Any]) -> Any:
    """Return shares by class from texts such as ``cat=0.9``; None where there are none.

    Parameters
    ----------
    priors : tuple of str
    classes : dict of str to object
        Each class by its text; one that is not there stays its text.

    Raises
    ------
    UsageError
        If a text is none such, or a class is given twice.

    Examples
    --------
    >>> parse_priors(("1=0.9", "a=b=0.1"), {"1": 1})
    {1: 0.9, 'a=b': 0.1}
    """
    if priors in ((), ("estimate",)):
        return priors[0] if priors else None
    found: dict[Any, float] = {}
    for text in priors:
        name, _, share = text.rpartition("=")
        try:
            number = float(share)
        except ValueError:
            number = -1.0
        if not name or number < 0:
            raise UsageError(f"must be CLASS=SHARE, as in cat=0.9, or estimate alone. Got {text!r}.")
        if classes.get(name, name) in found:
            raise UsageError(f"{name!r} is given twice.")
        found[classes.get(name, name)] = number
    return found


@dataclass(frozen=True, kw_only=True)
class PredictOptions(common.EmbeddingOptions):
    """Options of ``cnncodes predict``."""

    model: str = option("Saved classifier or regressor, as 'cnncodes fit' wrote it.")
    src: str = option(common.HELP_SRC)
    out: str | None = option(
        "File for the predictions, .csv or .parquet; without it they go to stdout as CSV.",
        default=None,
        short="-o",
        metavar="FILE",
        check=_check_out,
    )
    top_k: int = option("Classes named for each image.", default=1, metavar="K", check=common.check_positive)
    abstain: float | None = option(
        "Leave the class empty where it is not sure: of those named, at most this share is wrong, with 95 %"
        " confidence for images like those trained on (0.05 is a twentieth). Adds the column 'answered'.",
        default=None,
        metavar="RISK",
        check=common.check_risk,
    )
    coverage: float | None = option(
        "Numbers: share of truths that the columns 'low' and 'high' are to enclose, of images like those"
        " trained on. [0.9]",
        default=None,
        metavar="SHARE",
        check=common.check_risk,
    )
    novelty: bool = option(
        "Add the column 'novelty', from 0 to 1: the share of training images that are less unusual.",
        default=False,
    )
    priors: tuple[str, ...] = option(
        "Share of a class among these images, where it is another one than in training; may be given for each"
        " class, the others share the rest. 'estimate': those that are most likely by these images.",
        default=(),
        metavar="CLASS=SHARE",
        check=_check_priors,
    )
    label_delimiter: str | None = delimiter_option(
        "What is to stand between several labels of an image in the column 'labels'. [the one that the"
        " classifier was fitted with, else |]"
    )
    split: str | None = option("Only this part of the source.", default=None, metavar="PART")
    memory: str | None = option(common.HELP_MEMORY, default=None, metavar="FOLDER")


def run_predict(options: PredictOptions, reporter: Reporter) -> Result:
    """Predict every image of a source; one that cannot be read gets an empty row with its reason."""
    from cnncodes.estimators.label_predictor import LabelPredictor
    from cnncodes.estimators.number_predictor import NumberPredictor
    from cnncodes.estimators.saving import load_predictor

    check_output(options.out, (options.model, options.src))
    if options.abstain is not None and options.priors:
        raise UsageError(
            "--abstain keeps its promise for the shares of classes that were trained on, and not for others:"
            " leave out --abstain or --priors."
        )
    predictor = load_predictor(options.model).with_max_pixels(options.max_pixels)
    kinds = {
        NumberPredictor: ("numbers", _predict_numbers),
        LabelPredictor: ("several labels an image", _predict_labels),
    }
    name, predict = kinds.get(type(predictor), ("classes", _predict_classes))
    _check_options(options, name)
    rows, columns, failures, facts = predict(options, predictor, reporter)
    result: Result = {
        "out": options.out,
        "images": len(rows),
        "failed": len(failures),
        "columns": list(columns),
        **facts,
    }
    if options.out is None:
        result["predictions"] = rows
    else:
        written = write_labels(rows, facts.get("label_delimiter"))
        _write(Path(options.out), written, columns, facts["number_format"])
    result[TOO_MANY_FAILURES] = judge_failures(failures, len(rows), options.max_failures, reporter)
    return result


def _check_options(options: PredictOptions, name: str) -> None:
    """Raise `UsageError` where an option is for something else than what is predicted."""
    given = {
        "--abstain": (options.abstain is not None, "classes"),
        "--priors": (bool(options.priors), "classes"),
        "--top-k": (options.top_k > 1, "classes"),
        "--coverage": (options.coverage is not None, "numbers"),
        "--label-delimiter": (options.label_delimiter is not None, "several labels an image"),
    }
    check_given(options.model, name, given)


_Rows = tuple[list[dict[str, Any]], dict[str, str], list[tuple[str, str]], Result]


def _predict_classes(options: PredictOptions, predictor: Any, reporter: Reporter) -> _Rows:
    # Before any image is read: a classifier may have nothing to tell it by.
    rule = None if options.abstain is None else predictor.make_rule(options.abstain)
    priors = parse_priors(options.priors, {str(name): name for name in predictor.classes.tolist()})
    predictor.check_priors(priors)
    predictions = _predict(options, predictor, reporter, by_class=True, priors=priors)
    shares = _name_shares(predictions)
    if shares is not None:
        reporter.note(
            f"probabilities for {', '.join(f'{name} {share:.3g}' for name, share in shares.items())}"
        )
    if rule is not None:
        _tell_rule(rule, reporter)
    top_k = min(options.top_k, len(predictions.classes))
    rows = list(_make_rows(predictions, top_k, rule))
    facts = {
        "top_k": top_k,
        "answered": None if rule is None else sum(row["answered"] is True for row in rows),
        "rule": to_plain(rule),
        "priors": shares,
        # Six digits are more than the probabilities are worth, and keep the table readable.
        "number_format": ".6f",
    }
    columns = _list_columns(top_k, rule is not None, options.novelty)
    return rows, columns, _list_failures(predictions), facts


def _predict_numbers(options: PredictOptions, predictor: Any, reporter: Reporter) -> _Rows:
    if options.holdout is not None:  # it divides those that have a number
        options = replace(options, label_column=choose_column(options.src, options, predictor))
    widths = find_widths(predictor, options.coverage, reporter)
    predictions = _predict(options, predictor, reporter, by_class=False)
    rows = list(make_number_rows(predictions, predictor.targets, widths))
    columns = list_number_columns(predictor.targets, widths=widths is not None, novelty=options.novelty)
    return rows, columns, _list_failures(predictions), {"answered": None, "number_format": _WHOLE}


def _predict_labels(options: PredictOptions, predictor: Any, reporter: Reporter) -> _Rows:
    names = [str(name) for name in predictor.classes]
    delimiter = choose_delimiter(names, options.label_delimiter or predictor.delimiter)
    predictions = _predict(options, predictor, reporter, by_class=False)
    rows = list(make_label_rows(predictions, names))
    columns = list_label_columns(names, novelty=options.novelty)
    facts = {"answered": None, "label_delimiter": delimiter, "number_format": ".6f"}
    return rows, columns, _list_failures(predictions), facts


def _predict(
    options: PredictOptions, predictor: Any, reporter: Reporter, *, by_class: bool, **more: Any
) -> Any:
    source = inputs.open_images(options.src, options, by_class=by_class, unlisted="record")
    if options.split is not None:
        split = inputs.choose_split(options.split, (record.split for record in source.records), "test")
        source = source if split is None else source.filter(split=split)
    return predictor.predict_records(
        source.records,
        n_jobs=options.n_jobs,
        memory=options.memory,
        on_progress=reporter.progress("predicting"),
        novelty=options.novelty,
        **more,
    )


def _list_failures(predictions: Any) -> list[tuple[str, str]]:
    return [(failure.key, failure.reason) for failure in predictions.failures.values()]


def _name_shares(predictions: Predictions) -> dict[str, float] | None:
    if predictions.shares is None:
        return None
    names = [str(name) for name in predictions.classes]
    return dict(zip(names, predictions.shares.tolist(), strict=True))


def _tell_rule(rule: AnswerRule, reporter: Reporter) -> None:
    if rule.reason:
        reachable = (
            f" About {rule.reachable:g} could be reached."
            if rule.reachable is not None
            else " None can be reached."
        )
        reporter.warn(f"no image is answered: {rule.reason}.{reachable}")
        return
    reporter.note(
        f"answered from a probability of {rule.threshold:.3f} on: {rule.coverage:.0%} of {rule.n:,} held-out"
        f" training images, of which {rule.errors:,} wrongly: at most {rule.error_bound:.1%} are, with"
        f" {rule.confidence:.0%} confidence"
    )


def _make_rows(predictions: Predictions, top_k: int, rule: AnswerRule | None) -> Iterable[dict[str, Any]]:
    """Yield one row an image: its key, its likeliest classes with probabilities, and why it has none."""
    for position, (key, label) in enumerate(zip(predictions.keys, predictions.labels, strict=True)):
        failure = predictions.failures.get(position)
        row: dict[str, Any] = {"image": key}
        best: list[tuple[str, Any]] = []
        if failure is None and predictions.proba is not None:
            proba = predictions.proba[position]
            order = (-proba).argsort(kind="stable")[:top_k]
            best = [(str(predictions.classes[i]), float(proba[i])) for i in order]
        elif failure is None:
            best = [(str(label), None)]
        for rank, (prediction, probability) in enumerate(_names(top_k)):
            row[prediction], row[probability] = best[rank] if rank < len(best) else (None, None)
        if rule is not None:
            row["answered"] = None if failure else bool(best[0][1] >= rule.threshold)
            if not row["answered"]:
                row |= {prediction: None for prediction, _ in _names(top_k)}
        if predictions.novelty is not None:
            row["novelty"] = None if failure else float(predictions.novelty[position])
        row["reason"] = None if failure is None else failure.reason
        yield row


def _names(top_k: int) -> list[tuple[str, str]]:
    suffixes = ["", *(f"_{rank}" for rank in range(2, top_k + 1))]
    return [(f"prediction{suffix}", f"probability{suffix}") for suffix in suffixes]


def _list_columns(top_k: int, abstain: bool, novelty: bool) -> dict[str, str]:
    """Return the type of each column, by its name, in order."""
    columns = {"image": "string"}
    for prediction, probability in _names(top_k):
        columns |= {prediction: "string", probability: "float64"}
    columns |= {"answered": "bool"} if abstain else {}
    columns |= {"novelty": "float64"} if novelty else {}
    return {**columns, "reason": "string"}


def _write(path: Path, rows: list[dict[str, Any]], columns: dict[str, str], number_format: str) -> None:
    from cnncodes.store.files import write_file

    if path.suffix.lower() == ".csv":
        write_file(path, _to_csv(rows, columns, number_format).encode("utf-8", "surrogateescape"))
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    types: dict[str, pa.DataType] = {"string": pa.string(), "float64": pa.float64(), "bool": pa.bool_()}
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), buffer)
    write_file(path, buffer.getvalue())


def _to_csv(rows: list[dict[str, Any]], names: Iterable[str], number_format: str) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(names), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _to_cell(value, number_format) for name, value in row.items()})
    return text.getvalue()


def _to_cell(value: Any, number_format: str) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, number_format) if isinstance(value, float) else value


def render_predict(result: Result) -> str:
    """Return the CSV, or where it was written."""
    if result["out"] is None:
        rows = write_labels(result["predictions"], result.get("label_delimiter"))
        return _to_csv(rows, result["columns"], result["number_format"])
    failed = f", {result['failed']:,} of them unreadable" if result["failed"] else ""
    answered = "" if result["answered"] is None else f", {result['answered']:,} of them answered"
    return f"Predictions of {count(result['images'], 'image')}{failed}{answered}: {result['out']}\n"


PREDICT = Command(
    name="predict",
    options=PredictOptions,
    run=run_predict,
    render=render_predict,
    summary="Say which class each image belongs to, with probabilities; or its labels, or number.",
    example="cnncodes predict photos.cnncodes new/ -o predictions.csv --top-k 3",
    results=("out", "images", "failed"),
)
