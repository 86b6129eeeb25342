"""What somebody asks for of a dataset: views by number, by name or by plan, and layers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cnncodes.errors import SourceError, UsageError, suggest
from cnncodes.plain import to_builtin

if TYPE_CHECKING:
    from cnncodes.store.manifest import Manifest, StoredViews
    from cnncodes.views import ViewPlan

#: Names of views that an error lists: a plan may have thousands.
_MOST_SHOWN = 10


def find_views(
    views: str | int | ViewPlan | Collection[str | int], names: dict[str, int], stored: StoredViews
) -> tuple[set[int], dict[str, Any]]:
    """Return the numbers of the views that are meant, and the plan that they make up.

    Parameters
    ----------
    views : str, int, ViewPlan, or collection of str and int
        A plan, by itself or by its name; or views by name or number.
    names : dict
        Name and number of each view that the rows show.
    stored : StoredViews
        What the dataset holds.

    Raises
    ------
    UsageError
        If there is no such view; the text offers the nearest name.
    """
    from cnncodes.views import ViewPlan

    views = to_builtin(views)
    if not (isinstance(views, str | int) and views in (0, "mean")):
        _check_not_reduced(stored)
    if isinstance(views, str) and views not in names:
        views = _parse_plan(views, names, stored)
    if isinstance(views, ViewPlan):
        return set(_find_plan(views, set(names.values()), stored)), views.to_dict()
    chosen = list_chosen("views", views, (str, int), "a name or number, or several, or a ViewPlan")
    return {_find_view(view, names) for view in chosen}, stored.plan


def find_plan(
    views: str | ViewPlan, names: dict[str, int], stored: StoredViews
) -> tuple[ViewPlan, list[int]]:
    """Return a plan that is part of the stored one, and the number that each of its views has there.

    Parameters
    ----------
    views : str or ViewPlan
        The plan by itself, or its name.
    names, stored
        As in `find_views`.

    Raises
    ------
    UsageError
        If there is no such plan, or the codes lack one of its views.
    """
    from cnncodes.views import ViewPlan

    _check_not_reduced(stored)
    plan = views if isinstance(views, ViewPlan) else _parse_plan(views, names, stored)
    return plan, _find_plan(plan, set(names.values()), stored)


def _check_not_reduced(stored: StoredViews) -> None:
    if stored.reduced:
        raise UsageError(
            "these codes hold the mean of each image's views and not the views themselves: embed with"
            " reduce='none' to choose among them."
        )


def list_chosen(
    name: str, given: Any, kinds: tuple[type, ...] = (str,), expected: str = "a name, or several"
) -> list[Any]:
    """Return what is chosen of something, one or several, as a list.

    Raises
    ------
    UsageError
        If it is something else, or nothing.

    Examples
    --------
    >>> list_chosen("split", "train"), list_chosen("split", ("train", "val"))
    (['train'], ['train', 'val'])
    """
    one = to_builtin(given)
    is_several = isinstance(one, Iterable) and not isinstance(one, str | bytes)
    chosen = [to_builtin(value) for value in one] if is_several else [one]
    if not chosen:
        raise UsageError(f"{name} is empty: it must be {expected}.")
    for value in chosen:
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise UsageError(f"{name} must be {expected}. Got {value!r} instead.")
    return chosen


def list_layers(layers: str | Sequence[str]) -> list[str]:
    """Return the names of layers that are wanted, given as a list or divided by commas."""
    return layers.split(",") if isinstance(layers, str) else list_chosen("layers", layers)


def choose_layers(manifest: Manifest, wanted: Sequence[str]) -> Manifest:
    """Return what the manifest of a dataset with some of its layers says, in the order wanted.

    Raises
    ------
    UsageError
        If there is no such layer, or one is named twice.
    """
    parts = manifest.parts
    check_known("layer", wanted, parts)
    if len(set(wanted)) < len(wanted):
        raise UsageError(f"each layer can be chosen once. Got {', '.join(wanted)}.")
    if list(wanted) == list(parts):
        return manifest
    kept = {name: parts[name] for name in wanted}
    pool = manifest.space.layer.rpartition("; ")[2]
    # As a backbone of these layers says it, see `load_backbone`.
    space = replace(manifest.space, layer=f"{','.join(wanted)}; {pool}", code_size=sum(kept.values()))
    return replace(manifest, space=space, layers=kept)


def check_known(
    what: str,
    wanted: Iterable[str | int],
    known: Collection[str | int],
    error: type[UsageError | SourceError] = UsageError,
) -> None:
    """Raise an error with the nearest name if something that is wanted is not there."""
    for name in wanted:
        if name not in known:
            help_text = suggest(str(name), [str(k) for k in known])
            raise error(f"these codes have no {what} {name!r}. {help_text}")


def _parse_plan(name: str, names: dict[str, int], stored: StoredViews) -> ViewPlan:
    """Return the plan of that name, with what the stored one has drawn and learned."""
    from cnncodes.views import ViewPlan
    from cnncodes.views.names import FIXED_PLANS

    random = stored.plan.get("random")
    try:
        plan = ViewPlan.parse(name, random_state=random["random_state"] if random else None)
        if plan.needs_colors and random:
            return plan.with_colors(ViewPlan.from_dict(stored.plan).principal_colors)
        return plan
    except UsageError as error:
        known = [*FIXED_PLANS, *(names if len(names) <= _MOST_SHOWN else list(names)[:_MOST_SHOWN])]
        raise UsageError(
            f"these codes have no view {name!r}, and no view plan has that name. {suggest(name, known)}"
        ) from error


def _find_plan(plan: ViewPlan, present: set[int], stored: StoredViews) -> list[int]:
    from cnncodes.backbones.frame import Frame
    from cnncodes.views import ViewPlan

    if not stored.frame:
        raise UsageError(
            "these codes do not say for which input of the network their views were cut, so no plan can be"
            " found in them: choose views by name or number, or embed again."
        )
    frame = Frame(**stored.frame)
    whole = ViewPlan.from_dict(stored.plan)
    numbers = plan.find_in(whole, frame)
    missing = set(numbers) - present
    if missing:
        name = whole.names(frame)[min(missing)]
        raise UsageError(f"the view {name!r} of that plan was left out of these codes by an earlier choice.")
    return numbers


def _find_view(view: str | int, names: dict[str, int]) -> int:
    if isinstance(view, str):
        if view not in names:
            raise UsageError(f"these codes have no view {view!r}. {suggest(view, names)}")
        return names[view]
    if view not in names.values():
        numbers = sorted(names.values())
        raise UsageError(f"these codes have no view {view}: they have {_describe_numbers(numbers)}.")
    return int(view)


def _describe_numbers(numbers: list[int]) -> str:
    if len(numbers) > 1 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers)) or "none at all"
