"""How to make figures again: what reports say of it, pages and JSON alike."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import platform
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cnncodes
from cnncodes.commands.command import Result
from cnncodes.commands.prediction_files import is_prediction_file
from cnncodes.disk import parse_json
from cnncodes.errors import SavedModelError
from cnncodes.schema import to_arguments

#: Distributions whose versions may change a figure or a picture.
_PACKAGES = ("numpy", "scipy", "scikit-learn", "pillow", "onnxruntime", "onnxruntime-gpu", "onnx")

#: Of the resamples that intervals come from.
RANDOM_STATES = {"bootstrap of the intervals": 0}


def describe_run(command: str, options: Any) -> Result:
    """Return what was typed, when, and with which versions.

    Parameters
    ----------
    command : str
        Its name.
    options : object
        As they were given.
    """
    return {
        "command": shlex.join(["cnncodes", command, *to_arguments(options)]),
        "date": _say_date(),
        "versions": _list_versions(),
    }


def describe_model(model: str) -> Result:
    """Return which file a saved estimator is, by its contents, and how it was trained."""
    return {"model": model, "model_sha256": _hash_file(model), "training": _describe_training(model)}


def find_training_seconds(model: str) -> float | None:
    """Return the CPU seconds that a model's fine-tuning took, by the summary beside it, or None."""
    from cnncodes.finetuning.folder import CLASSIFIER, SUMMARY

    path = Path(model)
    if path.name != CLASSIFIER:
        return None
    try:
        summary = parse_json(path.with_name(SUMMARY).read_bytes())
        return float(summary["cpu_seconds"]) if "identity" in summary else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def describe_source(options: Any, split: str | None) -> Result:
    """Return which images figures are of, and what decided them."""
    return {
        "source": options.src,
        "split": split,
        "holdout": options.holdout,
        "random_states": RANDOM_STATES,
    }


def describe_comparison(options: Any, split: str | None) -> Result:
    """Return how to make the figures of ``cnncodes compare`` again; how a table was made is not known."""
    models = [
        {"model": model, "model_sha256": _hash_file(model), "training": None}
        if is_prediction_file(model)
        else describe_model(model)
        for model in options.models
    ]
    return {**describe_run("compare", options), "models": models, **describe_source(options, split)}


def describe_check(options: Any, split: str | None, backbone: Any) -> Result:
    """Return how to make the findings of ``cnncodes check`` again."""
    return {
        **describe_run("check", options),
        "backbone": backbone.card.name,
        "backbone_sha256": backbone.sha256,
        **describe_source(options, split),
        "random_states": {"folds, views and intervals": options.random_state},
    }


def describe_ladder(options: Any) -> Result:
    """Return how to make the figures of ``cnncodes baseline`` again; what its budget leaves out is luck."""
    return {
        **describe_run("baseline", options),
        "source": options.src,
        "train": options.train,
        "test": options.test,
        "holdout": options.holdout,
        "budget": options.budget,
        "random_states": ladder_states(options),
    }


def ladder_states(options: Any) -> dict[str, int]:
    """Return what decides the draws of ``cnncodes baseline``."""
    return {"folds, draws and bootstrap": options.random_state}


def _describe_training(model: str) -> dict[str, str]:
    """Return how an estimator was trained, by its card."""
    from cnncodes.estimators.saving import read_card_of
    from cnncodes.estimators.settings import read_settings

    card = read_card_of(model)
    params, settings = card["params"], read_settings(card)
    state, weights = params["random_state"], params.get("class_weight") or ()
    found = {
        "images trained on": f"{card['images']:,}",
        "head asked for": params["head"] or "an object of scikit-learn",
        "settings of the head": _join(settings.items()),
        "class weights": weights if isinstance(weights, str) else _join(weights),
        "views trained on": _say_plan(card["train_plan"]),
        "random state of training": "" if state is None else str(state),
        "trained by": f"cnncodes {card['cnncodes']}",
    }
    return {what: value for what, value in found.items() if value}


def _say_plan(plan: Mapping[str, Any]) -> str:
    """Return the name of a plan, and of one without any its settings."""
    from cnncodes.views import ViewPlan
    from cnncodes.views.naming import find_name

    return find_name(ViewPlan.from_dict(plan)) or json.dumps(plan, sort_keys=True)


def _join(pairs: Iterable[tuple[Any, Any]]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in pairs)


def _hash_file(path: str) -> str:
    """Return the SHA-256 of a file."""
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
