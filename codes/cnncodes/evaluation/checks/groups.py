"""Groups (a patient, a camera, a product): which are in several parts, and which belong together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cnncodes.errors import agree, count, name_some
from cnncodes.evaluation.checks.finding import Finding
from cnncodes.images import connect


def find_shared_groups(
    keys: Sequence[str], groups: Sequence[str | None], parts: Sequence[str | None]
) -> list[Finding]:
    """Report groups of which images are in several parts.

    Parameters
    ----------
    keys, groups, parts : sequence, length n
        Of each image its key, its group and its part, None where there is none.

    Examples
    --------
    >>> found = find_shared_groups(["a", "b", "c"], ["anna", "anna", "otto"], ["train", "test", "test"])
    >>> found[0].details["groups"]
    [{'group': 'anna', 'parts': ['test', 'train'], 'images': ['a', 'b']}]
    """
    members: dict[str, list[int]] = {}
    for i, group in enumerate(groups):
        if group is not None and parts[i] is not None:
            members.setdefault(group, []).append(i)
    shared = [
        {
            "group": group,
            "parts": sorted({str(parts[i]) for i in rows}),
            "images": [keys[i] for i in rows],
        }
        for group, rows in members.items()
        if len({parts[i] for i in rows}) > 1
    ]
    if not shared:
        return []
    names = [str(row["group"]) for row in shared]
    images = tuple(key for row in shared for key in row["images"])
    finding = Finding(
        check="groups",
        severity="warn",
        certainty="certain",
        sentence=(
            f"{count(len(shared), 'group')} of {len(members):,} {agree(len(shared), 'is')} in more"
            f" than one part, with {count(len(images), 'image')}: {name_some(names, 3)}."
        ),
        advice="Put each group into one part; figures are too good until then.",
        images=images,
        n=sum(map(len, members.values())),
        details={"groups": shared},
    )
    return [finding]


def join_groups(groups: Sequence[str | None], sets: Sequence[Sequence[int]]) -> npt.NDArray[np.int64]:
    """Return a number for each image, the same for images that belong together in any way.

    Parameters
    ----------
    groups : sequence of str or None, length n
        What each image says that it belongs to.
    sets : sequence of sequence of int
        Rows of images that belong together too, such as copies of one picture.

    Examples
    --------
    >>> join_groups(["anna", None, None, "anna"], [(1, 3)])
    array([0, 0, 1, 0])
    """
    n = len(groups)
    first: dict[str, int] = {}
    pairs = [(first.setdefault(group, i), i) for i, group in enumerate(groups) if group is not None]
    pairs += [(rows[0], row) for rows in sets for row in rows[1:]]
    return connect(np.array(pairs, dtype=np.int64).reshape(-1, 2), n)
