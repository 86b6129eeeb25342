"""Which ways to predict are tried, and in which order: the cheapest first."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cnncodes.backbones import Card, find_backbone, list_backbones, models_folder
from cnncodes.errors import CardError, UsageError, suggest
from cnncodes.evaluation.baselines.describing import CnnCodes, Description, RawPixels, ShapesAndColors
from cnncodes.evaluation.baselines.label_task import LabelTask
from cnncodes.evaluation.baselines.number_task import NumberTask
from cnncodes.evaluation.baselines.tasks import ClassTask, Task

#: Tasks that need to know nothing of the labels.
CLASSES, NUMBERS = ClassTask(), NumberTask()

#: The ways that look at no image, each of its task: what a table calls them.
TRIVIAL = {task.trivial: task.trivial_title for task in (ClassTask, NumberTask, LabelTask)}

#: What `list_methods` can be told to list, and what each is.
GROUPS = {
    "majority": "the most frequent class, whatever the image",
    "median": "the median of the training numbers, whatever the image",
    "shares": "the share of each label among the training images, whatever the image",
    "pixels": "the task's first head on thumbnails",
    "shapes": "the same on histograms of gradients and colours",
    "codes": "the same on codes of one view",
    "int8": "the same in int8, where the network has such a file",
    "views": "codes of more views",
    "heads": "every head by name, on codes of two views",
    "backbones": "every network at hand, with two views",
}

#: Groups of methods that take codes.
CODES = ("codes", "int8", "views", "heads", "backbones")

#: Views of the methods that do not compare them, and those of `views`, fewest first.
_VIEWS, _MORE = "flip", ("flip", "tencrop")


@dataclass(frozen=True)
class Method:
    """One way to predict.

    Attributes
    ----------
    group : str
        One of `GROUPS`.
    description : Description or None
        What becomes of the images; None for what looks at none, as the majority's answer.
    head : str or None
    """

    group: str
    description: Description | None
    head: str | None

    @property
    def title(self) -> str:
        """What a table calls it."""
        return TRIVIAL[self.group] if self.description is None else f"{self.description.title}: {self.head}"


def list_methods(
    backbones: Sequence[str],
    groups: Collection[str] | None = None,
    *,
    task: Task = CLASSES,
    random_state: int = 0,
) -> list[Method]:
    """Return the methods of some groups, the cheapest first.

    Parameters
    ----------
    backbones : sequence of str
        Networks, of which the first is the one whose views and heads are compared.
    groups : collection of str, optional
        Names in `GROUPS`; all where it is None.
    task : Task
        What is predicted.
    random_state : int

    Raises
    ------
    UsageError
        If a group is unknown or of another task, or no backbone is given.
    BackboneError
        If there is no such backbone.
    """
    check_method_groups(groups or ())
    for name in groups or ():
        if name in TRIVIAL and name != task.trivial:
            raise UsageError(
                f"{name!r} is not for {task.title}: what looks at no image is {task.trivial!r} there."
            )
    if not backbones:
        raise UsageError("give at least one backbone.")
    cards = {name: Card.read(find_backbone(name) / "card.toml") for name in backbones}

    def codes(backbone: str, views: str, precision: str | None = None) -> CnnCodes:
        return CnnCodes(backbone, views, precision, random_state)

    first, *others = backbones
    found = [
        Method(task.trivial, None, None),
        Method("pixels", RawPixels(), task.head),
        Method("shapes", ShapesAndColors(), task.head),
        *(
            [Method("int8", codes(first, "center", "int8"), task.head)]
            if "int8" in cards[first].precisions
            else []
        ),
        Method("codes", codes(first, "center"), task.head),
        Method("views", codes(first, _MORE[0]), task.head),
        *(Method("heads", codes(first, _VIEWS), kind) for kind in task.heads),
        *(Method("backbones", codes(name, _VIEWS), task.head) for name in others),
        *(Method("views", codes(first, views), task.head) for views in _MORE[1:]),
    ]
    # 'views' and 'heads' share one.
    return list(
        {
            (method.description, method.head): method
            for method in reversed(found)
            if groups is None or method.group in groups
        }.values()
    )[::-1]


def check_method_groups(names: Collection[str]) -> None:
    """Raise `UsageError` where a name is none of `GROUPS`."""
    for name in names:
        if name not in GROUPS:
            raise UsageError(f"unknown kind of methods {name!r}. {suggest(name, GROUPS)}")


def order_backbones() -> list[str]:
    """Return the names of all backbones at hand: the one that comes with cnncodes, then the smallest first.

    A card that cannot be read is passed over here; `cnncodes models list` names it.
    """
    sizes: dict[str, int] = {}
    for name in list_backbones():
        with contextlib.suppress(CardError, OSError):
            folder = find_backbone(name)
            sizes[name] = (folder / Card.read(folder / "card.toml").model_file).stat().st_size
    return sorted(sizes, key=lambda name: (not (models_folder() / name).is_dir(), sizes[name], name))
