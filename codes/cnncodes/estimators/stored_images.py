"""Stored codes as a predictor takes them: instead of the images that they were made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnncodes.embedding import Embedder
from cnncodes.errors import SpaceMismatch, UsageError, count, name_some, sentence, warn
from cnncodes.estimators.inputs import order_images, rows_of
from cnncodes.estimators.labels import labelled_records, records_of
from cnncodes.estimators.stored_image import ABSENT, StoredImage
from cnncodes.images import ImageRecord
from cnncodes.store import Failure
from cnncodes.views import ViewPlan
from cnncodes.views.naming import find_name

if TYPE_CHECKING:
    from cnncodes.estimators.predictor import ImagePredictor
    from cnncodes.store import CodeBlocks, Codes  # with Arrow, which predicting from images has no need of


def list_stored(
    codes: Codes | CodeBlocks, predictor: ImagePredictor, *, failures: bool = False
) -> list[StoredImage]:
    """Return the images of stored codes, sorted by key, with the codes of the views that prediction takes.

    Parameters
    ----------
    codes : Codes
    predictor : ImagePredictor
        What is to answer them.
    failures : bool
        Whether images that the job could not read are among them, which have no codes, label or part.

    Raises
    ------
    SpaceMismatch
        If they are of another network or way of decoding; the text names the field.
    UsageError
        If they lack a view that prediction takes, or are means of views that are answered one by one, or are
        not in memory.
    """
    from cnncodes.store import Codes

    if not isinstance(codes, Codes):
        raise UsageError(
            "prediction needs codes in memory: read them by read_codes; a dataset that is larger than memory"
            " has to be divided ('cnncodes codes select')."
        )
    check_space(codes, predictor.embedder)
    warn_incomplete(codes)
    plan, there = predictor.embedder.plan, ViewPlan.from_dict(codes.plan)
    codes = _choose_views(codes, predictor)
    order = order_images(codes)
    if not codes.reduced and (order.counts != plan.count).any():
        raise UsageError(_say_views(there, plan, "Of some images views were left out."))
    rows, labels, _ = rows_of(codes, order, copy=False)
    told = codes.rows.select(["image", "split", "group"]).take(order.starts).to_pydict()
    stops = np.cumsum(rows.counts)
    images = [
        StoredImage(key, ABSENT, label, split, group, rows.X[stop - n : stop], content)
        for key, label, split, group, stop, n, content in zip(
            told["image"],
            labels,
            told["split"],
            told["group"],
            stops.tolist(),
            rows.counts.tolist(),
            rows.contents,
            strict=True,
        )
    ]
    return sorted([*images, *_list_failed(codes)], key=lambda image: image.key) if failures else images


def list_images(X: Any, predictor: ImagePredictor) -> Sequence[ImageRecord]:
    """Return the images that a user gave to be answered: those of stored codes, or `records_of`."""
    return list_stored(X, predictor) if _are_codes(X) else records_of(X)


def list_scored(X: Any, y: Any, predictor: ImagePredictor) -> tuple[Sequence[ImageRecord], Any]:
    """Return images to score and their labels; without `y` a folder, or stored codes, bring both."""
    if _are_codes(X):
        return _pick_labelled(list_stored(X, predictor), y)
    return labelled_records(X, y, split="test")


def _are_codes(X: Any) -> bool:
    from cnncodes.store import CodeBlocks, Codes

    return isinstance(X, Codes | CodeBlocks)


def _pick_labelled(images: list[StoredImage], y: Any) -> tuple[list[StoredImage], Any]:
    """Return stored images and their labels; without `y` those with one, of test or the only part."""
    if y is not None:
        return images, y
    parts = sorted({image.split for image in images if image.split is not None})
    if len(parts) > 1 and "test" not in parts:
        raise UsageError(
            f"y is missing, and these codes have the parts {name_some(parts)} but no 'test': pass y, or"
            f" select a part, as in codes.select(split={parts[0]!r})."
        )
    if parts:
        part = "test" if "test" in parts else parts[0]
        images = [image for image in images if image.split == part]
    labelled = [image for image in images if image.label is not None]
    if not labelled:
        where = f" in their part {part!r}" if parts else ""
        raise UsageError(f"y is missing: these codes have no labels{where}.")
    return labelled, np.array([image.label for image in labelled])


def check_space(codes: Codes | CodeBlocks, embedder: Embedder) -> None:
    """Raise `SpaceMismatch` unless codes are such as an embedder makes."""
    differing = codes.space.differences(embedder.space)
    if differing:
        raise SpaceMismatch(
            f"the codes are of another space: {'; '.join(differing)}. Embed the images again, or give the"
            " backbone and decoding that made the codes."
        )


def warn_incomplete(codes: Codes | CodeBlocks) -> None:
    """Warn of codes whose job has not finished: whole classes may be missing."""
    if not codes.complete:
        warn(
            "the codes are incomplete: the job that wrote them did not finish; run the same embed command"
            " again first.",
        )


def _list_failed(codes: Codes) -> list[StoredImage]:
    """Return the images that could not be read; not those of which codes from before are kept."""
    return [
        StoredImage(row["image"], ABSENT, failure=Failure(row["image"], row["stage"], row["reason"]))
        for row in codes.failures.select(["image", "stage", "reason", "codes_kept"]).to_pylist()
        if not row["codes_kept"]
    ]


def _choose_views(codes: Codes, predictor: ImagePredictor) -> Codes:
    """Return the rows of the views that prediction takes."""
    plan, there = predictor.embedder.plan, ViewPlan.from_dict(codes.plan)
    if codes.reduced:
        _check_means(there, predictor)
        return codes
    if not len(codes):
        return codes
    _check_scale(codes, predictor.embedder)
    chosen = codes
    if codes.manifest.views.frame:
        try:
            chosen = codes.select(views=plan)
        except UsageError as error:
            raise UsageError(_say_views(there, plan, sentence(str(error)))) from error
    elif plan != there:
        raise UsageError(_say_views(there, plan))
    return codes if len(chosen) == len(codes) else chosen  # and not a copy


def _check_means(there: ViewPlan, predictor: ImagePredictor) -> None:
    """Raise `UsageError` unless a mean over views is what prediction averages."""
    plan = predictor.embedder.plan
    if there != plan:
        raise UsageError(_say_views(there, plan))
    if predictor.aggregate != "code" and plan.count > 1:
        raise UsageError(
            "these codes hold the mean of each image's views, and this estimator answers each view and"
            " averages that: embed with --reduce none, or fit it with aggregate='code' (--aggregate code), as"
            " fit does by itself on such codes."
        )


def _check_scale(codes: Codes, embedder: Embedder) -> None:
    """Raise `UsageError` where a fast decoder made a larger picture for more views than prediction takes."""
    if embedder.decoding.mode != "fast":
        return
    stored = ViewPlan.from_dict(codes.manifest.views.plan)
    if stored.largest_short_side(embedder.backbone.frame) != embedder.cutter.short_side:
        raise UsageError(
            "the codes were made by --decode fast for larger views than this estimator takes, which gives"
            f" other codes. {_say_ways(stored, embedder.plan)}"
        )


def _say_views(there: ViewPlan, plan: ViewPlan, why: str = "") -> str:
    """Return which views there are, which are taken, why these do not do, and the two ways out."""
    said = f"the codes are of {_name(there)}, and this estimator predicts with {_name(plan)}."
    if not why and find_name(there) == find_name(plan):  # that is, neither has one
        why = _say_differing(there, plan)
    return " ".join(filter(None, (said, f"{why[:1].upper()}{why[1:]}", _say_ways(there, plan))))


def _say_differing(there: ViewPlan, plan: ViewPlan) -> str:
    """Return the first setting in which two plans differ; nothing where they are alike."""
    stored, own = _flatten(there.to_dict()), _flatten(plan.to_dict())
    for name in {**stored, **own}:
        if stored.get(name) != own.get(name):
            a, b = ("not set" if found.get(name) is None else found[name] for found in (stored, own))
            return f"They differ in {name}: {a} in that of the codes, {b} in that of the estimator."
    return ""


def _flatten(values: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Return settings by dotted names, those of tables in them among them."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flatten(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value}
    return flat


def _say_ways(there: ViewPlan, plan: ViewPlan) -> str:
    wanted, found = find_name(plan), find_name(there)
    views = "the same views" if wanted is None else f"--views {wanted}"
    test = "those of the codes for test_views" if found is None else f"test_views={found!r}"
    return f"Embed the images with {views}, or fit the estimator with {test} (--test-views)."


def _name(plan: ViewPlan) -> str:
    """Return the views of a plan by its name, of one without by how many they are."""
    if name := find_name(plan):
        return f"the views {name}"
    return f"the {count(plan.count, 'view')} of a plan without a name"
