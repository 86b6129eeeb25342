"""What heads of folds say of images that they were not trained on, whatever they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from cnncodes.heads.folds import Rows, first_of

Array = npt.NDArray[Any]


class OutOfFold:
    """A dataclass of arrays with a row for each image, of which `images` says which it is."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    images: Array

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return the images of several folds as one."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def take(self, kept: Array) -> Self:
        """Return some of the images, by their numbers or as bool ``[m]``."""
        return type(self)(*(getattr(self, field.name)[kept] for field in fields(self)))

    def named(self, rows: Rows, images: Any) -> Self:
        """Return the same with the images as they were given, each once: folds of the user's may overlap."""
        used = rows.position >= 0
        given = np.arange(len(used)) if images is None else np.asarray(images)
        names = first_of(given[used], rows.images)[self.images]
        once = np.sort(np.unique(self.images, return_index=True)[1])
        return replace(self, images=names).take(once)
