"""Images unlike all others, and such as show nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cnncodes.errors import agree, count, name_some
from cnncodes.evaluation.checks.finding import Finding
from cnncodes.evaluation.checks.looking import Look
from cnncodes.evaluation.checks.neighbours import Neighbours

#: The distance of an image is that to so near a neighbour: a few like it do not hide it.
NEIGHBOUR = 5
#: So many robust standard deviations above the median is far.
FAR = 3.5
#: Fewer images have no usual distance.
LEAST = 30
#: Thumbnails that vary less than that, of 255, show one colour.
_FLAT = 1.5
#: Shorter sides below that show hardly anything, and below this share of what is usual less than the others.
_TINY, _SHARE = 12, 1 / 8


def find_outliers(neighbours: Neighbours) -> npt.NDArray[np.int64]:
    """Return the images that are far from all others, the farthest first.

    The distance of an image is that to its fifth nearest neighbour on the sphere of codes of length 1. Far is
    what lies, in its logarithm, more than 3.5 robust standard deviations (1.4826 times the median absolute
    deviation) above the median.

    Parameters
    ----------
    neighbours : Neighbours
        At least five of each image.

    Returns
    -------
    ndarray of int64
        Empty where there are fewer than 30 images.

    References
    ----------
    B. Iglewicz and D. C. Hoaglin, "How to detect and handle outliers", ASQC 1993: the rule of 3.5.
    """
    n, k = neighbours.cosine.shape
    if n < LEAST or k < NEIGHBOUR:
        return np.empty(0, np.int64)
    distance = np.sqrt(np.maximum(2 - 2 * neighbours.cosine[:, NEIGHBOUR - 1].astype(np.float64), 1e-12))
    logs = np.log(distance)
    middle = np.median(logs)
    scale = 1.4826 * np.median(np.abs(logs - middle))
    far = np.flatnonzero(logs > middle + FAR * max(scale, 1e-3))
    return np.asarray(far[np.argsort(-logs[far], kind="stable")])


def find_outlying_images(keys: Sequence[str], neighbours: Neighbours) -> list[Finding]:
    """Report images that are far from all others.

    Parameters
    ----------
    keys : sequence of str, length n
    neighbours : Neighbours
        Of the same images.
    """
    images = tuple(keys[i] for i in find_outliers(neighbours))
    if not images:
        return []
    finding = Finding(
        check="outliers",
        severity="tell",
        certainty="possible",
        sentence=(
            f"{count(len(images), 'image')} of {len(keys):,} {agree(len(images), 'is')} unlike all"
            f" others, the farthest first: {name_some(images, 3)}."
        ),
        advice="Look whether they belong here: another subject, a scan, a damaged picture.",
        images=images,
        n=len(keys),
    )
    return [finding]


def find_damaged_images(keys: Sequence[str], looks: Sequence[Look]) -> list[Finding]:
    """Report images of one colour, and tiny ones.

    Parameters
    ----------
    keys : sequence of str, length n
    looks : sequence of Look, length n
    """
    sides = np.array([min(look.width, look.height) for look in looks])
    usual = float(np.median(sides)) if len(sides) else math.nan
    flat = [keys[i] for i, look in enumerate(looks) if look.spread < _FLAT]
    tiny = [keys[i] for i, side in enumerate(sides) if side < max(_TINY, min(usual * _SHARE, 64))]
    findings = []
    for images, what, kind in ((flat, "of one colour", "flat"), (tiny, "tiny", "tiny")):
        if images:
            sentence = f"{count(len(images), 'image')} of {len(keys):,}"
            findings.append(
                Finding(
                    check="damage",
                    severity="warn",
                    certainty="certain",
                    sentence=f"{sentence} {agree(len(images), 'is')} {what}: {name_some(images, 3)}.",
                    advice="Leave them out: what they show cannot be learned.",
                    images=tuple(images),
                    n=len(keys),
                    details={"kind": kind},
                )
            )
    return findings
