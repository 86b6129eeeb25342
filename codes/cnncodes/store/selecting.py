"""A part of a dataset as a dataset of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from cnncodes.errors import UsageError, check_path
from cnncodes.store.building import CodesBuilder
from cnncodes.store.census import Criteria, check_census, meet_criteria, take_census
from cnncodes.store.failing import count_lost, list_failures, warn_of_wrong_list
from cnncodes.store.manifest import Manifest, StoredViews
from cnncodes.store.records import Failure
from cnncodes.store.selection import choose_layers, find_plan
from cnncodes.store.shards import find_rows, read_manifest, read_shard
from cnncodes.store.staging import Progress, check_new, staged

if TYPE_CHECKING:
    from cnncodes.views import ViewPlan


@dataclass(frozen=True)
class SelectSummary:
    """What was selected.

    Attributes
    ----------
    manifest : Manifest
        Of the new dataset; it counts as complete where the old one does.
    failures : int
        Images without codes that went with it.
    failures_left : int
        Images without codes of which nobody knows whether they are of the part or label asked for.
    """

    manifest: Manifest
    failures: int
    failures_left: int


def select_codes(
    path: str | Path,
    out: str | Path,
    *,
    split: Collection[str] = (),
    label: Collection[str] = (),
    images: Collection[str] | None = None,
    views: str | ViewPlan | None = None,
    layers: Sequence[str] = (),
    on_progress: Progress | None = None,
) -> SelectSummary:
    """Write some of a dataset's rows, or a part of their codes, as a dataset of its own.

    What is not given leaves nothing out. The new dataset is what embedding the same images with that plan and
    these layers would write, and `embed` goes on with it as with any other.

    Parameters
    ----------
    path : path
        The dataset.
    out : path
        Of the new one. Nothing may be there yet; a kill or an error leaves nothing there.
    split, label : collection of str
        Parts and labels whose images to keep.
    images : collection of str, optional
        Keys of the images to keep.
    views : str or ViewPlan, optional
        Plan whose views to keep; it must be part of the stored one.
    layers : sequence of str
        Layers to keep, in this order.
    on_progress : callable, optional
        Called as ``on_progress(rows_done, rows_in_all)``.

    Raises
    ------
    SourceError
        If there is no such part or label, or no image that has all that is asked for.
    UsageError
        If there is no such image, view or layer.
    StoreError
        If the dataset is damaged, or `out` exists or cannot be written.
    """
    check_path(path, "the path of the codes")
    check_path(out, "out")
    folder, out = Path(path), Path(out)
    manifest = read_manifest(folder)
    check_new(out, [folder])
    warn_of_wrong_list(folder, manifest, out)
    listed = list_failures(folder)
    failures = [failure for failure in listed if not failure.codes_kept]
    kept_codes = {failure.key: failure for failure in listed if failure.codes_kept}
    criteria = _gather(split=split or None, label=label or None, image=images)
    census = take_census(folder, manifest, criteria)
    check_census(census, criteria, frozenset(failure.key for failure in failures))
    target = choose_layers(manifest, list(layers)) if layers else manifest
    numbers = None
    if views is not None:
        target, numbers = _choose_views(target, views, census.views)
    with_rows: list[Any] = []
    kept = {shard: rows for shard, rows in zip(manifest.shards, census.rows, strict=True) if rows}
    with staged(out) as made:
        builder, done = CodesBuilder(made, target), 0
        for shard, rows in kept.items():
            table = read_shard(folder, manifest, shard)
            table = _take_views(table.filter(pa.array(meet_criteria(table, criteria))), numbers)
            with_rows += (
                table.column("image").filter(pa.array(find_rows(table, "image", kept_codes))).unique()
            )
            builder.add(table.select(target.schema.names))
            done += rows
            if on_progress is not None:
                on_progress(done, sum(kept.values()))
        chosen = [failure for failure in failures if _keeps_failure(failure, criteria)]
        selected = builder.finish(
            [*chosen, *(kept_codes[str(key)] for key in with_rows)],
            complete=manifest.complete,
            marks_lost=count_lost(listed, manifest),
        )
    left = len(failures) - len(chosen) if {"split", "label"} & criteria.keys() else 0
    return SelectSummary(selected, len(chosen), left)


def _gather(**wanted: Collection[str] | None) -> Criteria:
    return {column: frozenset(texts) for column, texts in wanted.items() if texts is not None}


def _keeps_failure(failure: Failure, criteria: Criteria) -> bool:
    if "split" in criteria or "label" in criteria:  # of an image that could not be read these are not stored
        return False
    return "image" not in criteria or failure.key in criteria["image"]


def _choose_views(
    manifest: Manifest, views: str | ViewPlan, names: dict[str, int]
) -> tuple[Manifest, list[int]]:
    """Return what the manifest says of a plan's views alone, and their numbers in the stored plan."""
    plan, numbers = find_plan(views, names, manifest.views)
    if manifest.space.decoding == "fast":
        _check_scale(plan, manifest.views)
    stored = StoredViews(plan.to_dict(), manifest.views.frame, plan.columns)
    return replace(manifest, views=stored), numbers


def _check_scale(plan: ViewPlan, stored: StoredViews) -> None:
    """Refuse views that were decoded at another scale than the plan by itself would ask for."""
    from cnncodes.backbones.frame import Frame
    from cnncodes.views import ViewPlan

    frame = Frame(**stored.frame)
    whole, part = ViewPlan.from_dict(stored.plan).largest_short_side(frame), plan.largest_short_side(frame)
    if whole != part:
        raise UsageError(
            f"these codes were decoded fast, for views of short side {whole}, and that plan alone is decoded"
            f" for {part}: its codes would differ from what `cnncodes embed` makes. Embed with that plan,"
            " or choose the views in Python: read_codes(…).select(views=…)."
        )


def _take_views(table: pa.Table, numbers: list[int] | None) -> pa.Table:
    """Keep the rows of some views, numbered as the new plan numbers them."""
    if numbers is None:
        return table
    old = table.column("view").to_numpy()
    table = table.filter(pa.array(np.isin(old, numbers)))
    place = np.full(max([*numbers, int(old.max(initial=0))]) + 1, -1, dtype=np.int32)
    place[numbers] = np.arange(len(numbers), dtype=np.int32)
    new = pa.array(place[table.column("view").to_numpy()], pa.int32())
    position = table.schema.get_field_index("view")
    return table.set_column(position, table.schema.field("view"), new)
