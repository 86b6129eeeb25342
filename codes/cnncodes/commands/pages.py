"""Reports as pages: what a command knows, as `cnncodes.report` wants it."""

from __future__ import annotations

import datetime
import hashlib
import os
import platform
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cnncodes
from cnncodes.commands.reporter import Reporter
from cnncodes.errors import SavedModelError
from cnncodes.schema import to_arguments

if TYPE_CHECKING:
    from cnncodes.estimators.predictor import Predictions, Predictor
    from cnncodes.evaluation import Evaluation
    from cnncodes.images import ImageRecord
    from cnncodes.report import Origin

#: Distributions whose versions may change a figure or a picture.
_PACKAGES = ("numpy", "scipy", "scikit-learn", "pillow", "onnxruntime", "onnxruntime-gpu", "onnx")


def is_page(report: str | None) -> bool:
    """Tell whether a report's name asks for a page."""
    return report is not None and Path(report).suffix.lower() == ".html"


def write_page(
    options: Any,
    split: str | None,
    predictor: Predictor,
    records: Sequence[ImageRecord],
    predictions: Predictions,
    evaluation: Evaluation,
    reporter: Reporter,
) -> None:
    """Write what ``cnncodes evaluate`` found as an HTML file, whole or not at all.

    Parameters
    ----------
    options : EvaluateOptions
    split : str or None
        The part that was evaluated.
    predictor : Predictor
    records : sequence of ImageRecord
    predictions : Predictions
        Of all records, with their codes.
    evaluation : Evaluation
        Of those that could be read.
    reporter : Reporter
    """
    import numpy as np

    from cnncodes.report import Material, render_report
    from cnncodes.store.files import write_file

    assert predictions.codes is not None
    read = [i for i in range(len(records)) if i not in predictions.failures]
    reporter.note("drawing the report")
    material = Material(
        predictor=predictor,
        records=[records[i] for i in read],
        evaluation=evaluation,
        predicted=np.array([str(predictions.labels[i]) for i in read]),
        proba=None if predictions.proba is None else predictions.proba[read],
        codes=predictions.codes[read],
        trained_on=int(predictions.trained_on.sum()),
        failed=len(predictions.failures),
        origin=_describe_origin(options, split),
        n_jobs=options.n_jobs,
        watch=reporter.progress,
    )
    write_file(options.report, render_report(material))


def _describe_origin(options: Any, split: str | None) -> Origin:
    from cnncodes.report import Origin
    from cnncodes.report.layout import RANDOM_STATE

    return Origin(
        command=shlex.join(["cnncodes", "evaluate", *to_arguments(options)]),
        model=options.model,
        model_sha256=_hash_file(options.model),
        source=options.src,
        split=split,
        versions=_list_versions(),
        date=_say_date(),
        random_states={"bootstrap of the intervals": 0, "map of the codes": RANDOM_STATE},
    )


def _hash_file(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SavedModelError(f"{path} cannot be read any more: {error.strerror or error}") from error


def _list_versions() -> dict[str, str]:
    import importlib.metadata  # here, since a plain start has no need of it

    versions = {"cnncodes": cnncodes.__version__, "Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {**versions, "system": f"{platform.system()} {platform.machine()}"}


def _say_date() -> str:
    """Return now, or what SOURCE_DATE_EPOCH says, so that a report can be made again to the byte."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    when = (
        datetime.datetime.fromtimestamp(int(epoch), datetime.UTC)
        if epoch.isdigit()
        else datetime.datetime.now(datetime.UTC)
    )
    return when.strftime("%Y-%m-%d %H:%M UTC")
