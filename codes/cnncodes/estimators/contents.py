"""Which images a classifier was trained on: known by what they contain, whatever their names."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.errors import ResultWarning, SavedModelError, StoreError, agree, count, sentence
from cnncodes.estimators.archive import Archive
from cnncodes.estimators.npy import read_npy, to_npy

Contents = npt.NDArray[np.uint64]

#: Numbers of copies disagree where they differ by more than this share of the standard deviation of all.
DISAGREE = 0.1

CONTENTS_MEMBER = "training/contents.npy"


def shorten(hashes: Sequence[str]) -> Contents:
    """Return the first 64 bits of each hash; two different images hardly ever share them.

    Parameters
    ----------
    hashes : sequence of str
        At least 16 hexadecimal digits each.

    Raises
    ------
    StoreError
        If one is no hash: stored codes may be damaged.
    """
    try:
        return np.array([int(text[:16], 16) for text in hashes], dtype=np.uint64)
    except (ValueError, OverflowError) as error:
        raise StoreError(
            f"an image's content must be a hash in hexadecimal digits: {sentence(error)} Embed the images"
            " again."
        ) from error


def summarize_contents(hashes: Sequence[str]) -> Contents:
    """Return what to remember of training images: sorted, each content once.

    Parameters
    ----------
    hashes : sequence of str
        Hash of each image's content, empty where it could not be read.

    Examples
    --------
    >>> summarize_contents(["00000000000000ff", "", "000000000000000a", "00000000000000ff"])
    array([ 10, 255], dtype=uint64)
    """
    return np.unique(shorten([text for text in hashes if text]))


def find_trained(trained: Contents, hashes: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Say of each image whether it is among those trained on; an unreadable one is not.

    Examples
    --------
    >>> find_trained(np.array([10, 255], dtype=np.uint64), ["000000000000000a", "", "000000000000000b"])
    array([ True, False, False])
    """
    found = np.zeros(len(hashes), dtype=np.bool_)
    read = [position for position, text in enumerate(hashes) if text]
    found[read] = np.isin(shorten([hashes[position] for position in read]), trained)
    return found


def find_contradictory(
    hashes: Sequence[str], y: npt.NDArray[Any], *, are_numbers: bool = False
) -> list[tuple[int, int]]:
    """Return of each content with different `y` two images that have such; an unreadable one has none.

    Numbers to predict are different where they differ by more than `DISAGREE` standard deviations.

    Examples
    --------
    >>> find_contradictory(["a", "b", "a", "", "", "b"], np.array([1, 2, 3, 4, 5, 2]))
    [(0, 2)]
    """
    tolerance = DISAGREE * y.std(axis=0) if are_numbers else None
    first: dict[str, int] = {}
    found: dict[str, tuple[int, int]] = {}
    for i, text in enumerate(hashes):
        j = first.setdefault(text, i)
        if not text or j == i or text in found:
            continue
        differ = (y[i] != y[j]) if tolerance is None else (np.abs(y[i] - y[j]) > tolerance)
        if np.any(differ):
            found[text] = (j, i)
    return list(found.values())


def warn_of_contradictory(
    keys: Sequence[str], hashes: Sequence[str], y: npt.NDArray[Any], noun: str, stacklevel: int = 4
) -> None:
    """Warn of equal images of which `y`, a `noun`, differs; by default two calls below a public method."""
    if not (pairs := find_contradictory(hashes, y, are_numbers=noun == "target")):
        return
    a, b = (keys[i] for i in pairs[0])
    said = f"{count(len(pairs), 'image')} {agree(len(pairs), 'is')}"
    warnings.warn(
        f"{said} there with more than one {noun} (equal files), of which one at most can be right: {a!r} and"
        f" {b!r}. 'cnncodes check' lists such.",
        ResultWarning,
        stacklevel=stacklevel,
    )


def pack_contents(trained: Contents) -> dict[str, bytes]:
    """Return the member of a saved classifier that remembers the training images."""
    return {CONTENTS_MEMBER: to_npy(trained)}


def unpack_contents(archive: Archive) -> Contents:
    """Read that member.

    Raises
    ------
    SavedModelError
        If it is anything but a sorted array of different 64-bit numbers.
    """
    trained: Contents = read_npy(archive, CONTENTS_MEMBER)
    if trained.ndim != 1 or trained.dtype != np.uint64 or not (trained[1:] > trained[:-1]).all():
        raise SavedModelError(
            f"{archive.name} is damaged at {CONTENTS_MEMBER!r}: it must hold a sorted list of uint64, one a"
            f" training image. Got {trained.dtype} of shape {trained.shape}."
        )
    return trained
