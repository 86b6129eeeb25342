"""What is known of stored rows beside their codes, and which of them somebody asks for."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cnncodes.arguments import check_switches
from cnncodes.errors import SourceError, count
from cnncodes.images import name_groups, name_joined
from cnncodes.store.manifest import Manifest
from cnncodes.store.schema import GROUP
from cnncodes.store.selection import check_known, find_views, list_chosen
from cnncodes.store.shards import find_rows
from cnncodes.store.space import Space

if TYPE_CHECKING:
    from cnncodes.views import ViewPlan

Objects = npt.NDArray[np.object_]


class RowColumns:
    """Rows of a dataset, whose codes are in memory or not.

    Attributes
    ----------
    manifest : Manifest
    rows : pyarrow.Table
        Columns of the rows, without codes.
    plan : dict
        The view plan that the rows stand for, as its ``to_dict`` gives it.
    path : Path
    """

    manifest: Manifest
    rows: pa.Table
    plan: dict[str, Any]
    path: Path

    def __repr__(self) -> str:
        images = count(len(self.rows.column("image").unique()), "image")
        held = f"{count(len(self), 'row')} of {images}, {count(self.space.code_size, 'number')} a row"
        return f"<{type(self).__name__} of {str(self.path)!r}: {held}>"

    def __len__(self) -> int:
        return self.rows.num_rows

    @property
    def space(self) -> Space:
        """What kind of vector the codes are."""
        return self.manifest.space

    @property
    def reduced(self) -> bool:
        """Whether a row is the mean of all views of an image."""
        return self.manifest.views.reduced

    @property
    def complete(self) -> bool:
        """Whether the job that wrote last came to its end."""
        return self.manifest.complete

    @cached_property
    def y(self) -> Objects:
        """Label of each row, text or None; shape (n_rows,)."""
        return self._objects("label")

    @cached_property
    def contents(self) -> Objects:
        """Hash of each row's image content; shape (n_rows,)."""
        return self._objects("content")

    @cached_property
    def groups(self) -> Objects:
        """What each row's image belongs to, by the least hash of a content in it; shape (n_rows,).

        All views of an image stay together, and so do equal files, and images of one group.
        """
        encoded: Any = self.rows.column("image").combine_chunks().dictionary_encode()
        image = encoded.indices.to_numpy()
        first = np.unique(image, return_index=True)[1]
        groups = self.rows.column(GROUP).take(pa.array(first, pa.int64())).to_pylist()
        if all(group is None for group in groups):
            return self.contents
        joined = np.array(name_joined(groups, self.contents[first].tolist()), dtype=object)
        of_rows: Objects = joined[image]
        return of_rows

    def name_groups(self, rows: npt.NDArray[np.intp]) -> Objects | None:
        """Return the group of the image of some rows, one of its own where it has none.

        None where no image of any row has one. Equal files are not joined.
        """
        if self.rows.column(GROUP).null_count == len(self):
            return None
        some = self.rows.select(["image", GROUP]).take(pa.array(rows, pa.int64())).to_pydict()
        return np.array(name_groups(some["image"], some[GROUP]), dtype=object)

    @cached_property
    def images(self) -> Objects:
        """Key of each row's image; shape (n_rows,)."""
        return self._objects("image")

    @cached_property
    def views(self) -> npt.NDArray[np.int32]:
        """Number of each row's view in the plan; shape (n_rows,)."""
        return self.rows.column("view").to_numpy()

    @cached_property
    def view_names(self) -> Objects:
        """Name of each row's view; shape (n_rows,)."""
        return self._objects("view_name")

    @cached_property
    def split(self) -> Objects:
        """Part of each row's image, text or None; shape (n_rows,)."""
        return self._objects("split")

    @property
    def parts(self) -> set[str]:
        """The parts that there are."""
        return {str(part) for part in self.rows.column("split").unique().to_pylist() if part is not None}

    def _objects(self, name: str) -> Objects:
        values = np.empty(len(self.rows), dtype=object)
        values[:] = self.rows.column(name).to_pylist()
        return values

    def _find_rows(
        self,
        split: str | Collection[str] | None,
        views: str | int | ViewPlan | Collection[str | int] | None,
        labelled: bool | None,
    ) -> tuple[npt.NDArray[np.bool_], dict[str, Any]]:
        """Say of each row whether it is asked for, and return the plan of those; see `Codes.select`."""
        keep = np.ones(len(self), dtype=bool)
        if split is not None:
            wanted = list_chosen("split", split)
            check_known("split", wanted, self.parts, SourceError)
            keep &= find_rows(self.rows, "split", wanted)
        plan = self.plan
        if views is not None:
            numbers, plan = find_views(views, self._number_views(), self.manifest.views)
            keep &= np.isin(self.views, list(numbers))
        if labelled is not None:
            check_switches(labelled=labelled)
            valid = self.rows.column("label").is_valid().to_numpy()
            keep &= valid if labelled else ~valid
        return keep, plan

    def _number_views(self) -> dict[str, int]:
        """Return the number of each view that the rows show, by name."""
        numbers, first = np.unique(self.views, return_index=True)
        names = self.rows.column("view_name").take(first).to_pylist()
        return dict(zip(map(str, names), numbers.tolist(), strict=True))
