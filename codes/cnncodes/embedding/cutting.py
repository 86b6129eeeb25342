"""What is done to an image's bytes: a task that runs in the lane itself, or in a process of its own.

A task returns plain values that JSON can hold, and pixels or nothing, so that the answer of a process which
has decoded a stranger's picture is read as data.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from cnncodes.images import Decoding, decode
from cnncodes.views import ColorMoments, ViewPlan
from cnncodes.views.deferring import defer

if TYPE_CHECKING:
    from cnncodes.backbones import Frame
    from cnncodes.images.records import Pixels

Patches: TypeAlias = npt.NDArray[np.uint8]

#: Asked with bytes of memory before they are taken; tells whether what is free is to be given back then.
Before: TypeAlias = Callable[[int], bool]


class Task(Protocol):
    """What lanes do to each image; pickled for a process that does it in their place."""

    @property
    def room(self) -> int:
        """Bytes of pixels that it returns at most."""

    def work(
        self, data: Pixels, content: str, before: Before | None = None
    ) -> tuple[dict[str, Any], Patches | None]:
        """Return what becomes of an image.

        Raises
        ------
        UnreadableImage
        """


@dataclass(frozen=True)
class Cutter:
    """Decodes an image and cuts its views.

    Parameters
    ----------
    plan : ViewPlan
    frame : Frame
    decoding : Decoding
    only : tuple of int, optional
        Numbers of the views that are wanted, where not all are.
    """

    plan: ViewPlan
    frame: Frame
    decoding: Decoding
    only: tuple[int, ...] | None = None

    @property
    def short_side(self) -> int:
        """The largest short side that a view is cut from."""
        return self.plan.largest_short_side(self.frame)

    @property
    def room(self) -> int:
        """Bytes of the patches of all views."""
        count = len(self.plan.names(self.frame)) if self.only is None else len(self.only)
        return count * self.frame.height * self.frame.width * 3

    def work(
        self, data: Pixels, content: str, before: Before | None = None
    ) -> tuple[dict[str, Any], Patches]:
        """Return `shape` (width, height), `index` and `views`, as `Prepared` has them; and the patches."""
        load = functools.partial(decode, data, self.decoding, short_side=self.short_side, before=before)
        # Where a picture is resized once, it is decoded meanwhile.
        once = functools.partial(defer, load=load) if self.plan.reads_once(self.only) else None
        image = load(defer=once)
        rendered = self.plan.render(image, self.frame, content, only=self.only)
        found = {
            "shape": list(image.size),
            "index": rendered.index.tolist(),
            "views": [view.parameters() for view in rendered.views],
        }
        return found, rendered.pixels


@dataclass(frozen=True)
class ColorMeter:
    """Decodes an image in full and measures its colours.

    Parameters
    ----------
    decoding : Decoding
    """

    decoding: Decoding
    room = 0

    def work(self, data: Pixels, content: str, before: Before | None = None) -> tuple[dict[str, Any], None]:
        """Return the attributes of `ColorMoments`."""
        moments = ColorMoments()
        moments.add(np.asarray(decode(data, self.decoding, before=before)))
        return vars(moments), None
