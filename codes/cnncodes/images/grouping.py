"""What images belong to (a patient, a camera, a product): those of one stay on one side of a split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.images.records import ImageRecord

Numbers = npt.NDArray[np.int64]

#: What the name of a group begins with; that of an image without one begins otherwise.
GROUP = "group:"


def list_groups(records: Sequence[ImageRecord]) -> list[str] | None:
    """Return the group of each image, one of its own where it has none; None where no image has any.

    Examples
    --------
    >>> list_groups([ImageRecord("a.jpg", "a.jpg", group="anna"), ImageRecord("b.jpg", "b.jpg")])
    ['group:anna', 'image:b.jpg']
    """
    return name_groups([record.key for record in records], [record.group for record in records])


def name_groups(keys: Sequence[Any], groups: Sequence[Any]) -> list[str] | None:
    """Return the same of images that have these keys and groups."""
    if all(group is None for group in groups):
        return None
    return [
        f"image:{key}" if group is None else f"{GROUP}{group}"
        for key, group in zip(keys, groups, strict=True)
    ]


def join_equal(groups: Numbers, contents: Numbers) -> Numbers:
    """Number what images belong to: those of one group, or of one content, have one number.

    Parameters
    ----------
    groups, contents : ndarray of int64, shape (n,)
        Of each image the number of its group and of its content, -1 where it has none.

    Returns
    -------
    ndarray of int64, shape (n,)
        From 0 without gaps, in the order of the least content of each; then of the groups without contents.

    Examples
    --------
    >>> join_equal(np.array([2, 0, 1]), np.array([0, 0, 1]))
    array([0, 0, 1])
    """
    n, n_contents = len(groups), int(contents.max(initial=-1)) + 1
    images, first = np.arange(n), n + n_contents
    by_group = np.column_stack([images, first + groups])[groups >= 0]
    by_content = np.column_stack([images, n + contents])[contents >= 0]
    n_nodes = first + int(groups.max(initial=-1)) + 1
    member = connect(np.concatenate([by_group, by_content]), n_nodes)[:n]
    rank = np.where(contents >= 0, contents, n_contents + np.where(groups >= 0, groups, n_nodes + images))
    least = np.full(int(member.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, member, rank)
    numbers: Numbers = np.unique(least[member], return_inverse=True)[1]
    return numbers


def number_names(names: Iterable[Any]) -> Numbers:
    """Number names as they first come; None has -1.

    Examples
    --------
    >>> number_names(["otto", None, "anna", "otto"])
    array([ 0, -1,  1,  0])
    """
    # Not by sorting an array of texts, which takes the longest one's room for each.
    known: dict[str, int] = {}
    found = [-1 if name is None else known.setdefault(str(name), len(known)) for name in names]
    return np.array(found, dtype=np.int64)


def name_joined(groups: Sequence[str | None], contents: Sequence[str]) -> list[str]:
    """Return for each image the lowest content of what belongs together: the same for all of it.

    Examples
    --------
    >>> name_joined(["anna", "otto", None, "anna"], ["b", "d", "c", "a"])
    ['a', 'd', 'c', 'a']
    """
    names, content = np.unique(np.asarray(contents, dtype=str), return_inverse=True)
    joined = join_equal(number_names(groups), content)
    lowest = np.full(int(joined.max(initial=-1)) + 1, len(names))
    np.minimum.at(lowest, joined, content)
    named: list[str] = names[lowest[joined]].tolist()
    return named


def connect(pairs: Numbers, n: int) -> Numbers:
    """Return a number for each of `n` things, the same for those that pairs, shape (m, 2), lead to.

    Examples
    --------
    >>> connect(np.array([[0, 3], [3, 1]]), 4)
    array([0, 0, 1, 0])
    """
    from scipy.sparse import coo_array  # slow to load, and listing images has no need of it
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, member = connected_components(graph, directed=False)
    return np.asarray(member, dtype=np.int64)
