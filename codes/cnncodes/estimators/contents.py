"""Which images a classifier was trained on: known by what they contain, whatever their names; and groups."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones import Card
from cnncodes.backbones.seen import say_seen
from cnncodes.errors import ResultWarning, SavedModelError, StoreError, agree, count, sentence, warn
from cnncodes.estimators.archive import Archive
from cnncodes.estimators.npy import read_npy, to_npy
from cnncodes.images import GROUP

Contents = npt.NDArray[np.uint64]

#: Numbers of copies disagree where they differ by more than this share of the standard deviation of all.
DISAGREE = 0.1

CONTENTS_MEMBER = "training/contents.npy"
#: Where images had groups.
GROUPS_MEMBER = "training/groups.npy"


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


def summarize_groups(names: Iterable[Any] | None) -> Contents:
    """Return what to remember of the groups that images belong to, as `list_groups` names them.

    Examples
    --------
    >>> len(summarize_groups(["group:anna", "image:b.jpg", "group:anna"])), len(summarize_groups(None))
    (1, 0)
    """
    different = set(map(str, () if names is None else names))
    return summarize_contents([_hash_group(name) for name in different if name.startswith(GROUP)])


def find_trained_groups(trained: Contents, groups: Sequence[str | None]) -> npt.NDArray[np.bool_]:
    """Say of each image whether its group is among those trained on; None is no group."""
    hashes = ["" if group is None else _hash_group(f"{GROUP}{group}") for group in groups]
    return find_trained(trained, hashes)


def _hash_group(name: str) -> str:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


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
    hashes: Sequence[Any], y: npt.NDArray[Any], *, are_numbers: bool = False
) -> list[tuple[int, int]]:
    """Return of each content with different `y` two images that have such; an unreadable one has 0 or ''.

    Numbers to predict are different where they differ by more than `DISAGREE` standard deviations.

    Examples
    --------
    >>> find_contradictory(["a", "b", "a", "", "", "b"], np.array([1, 2, 3, 4, 5, 2]))
    [(0, 2)]
    """
    tolerance = DISAGREE * y.std(axis=0) if are_numbers else None
    first: dict[Any, int] = {}
    found: dict[Any, tuple[int, int]] = {}
    for i, text in enumerate(hashes):
        j = first.setdefault(text, i)
        if not text or j == i or text in found:
            continue
        differ = (y[i] != y[j]) if tolerance is None else (np.abs(y[i] - y[j]) > tolerance)
        if np.any(differ):
            found[text] = (j, i)
    return list(found.values())


def warn_of_contradictory(keys: Sequence[str], hashes: Sequence[Any], y: npt.NDArray[Any], noun: str) -> None:
    """Warn of equal images of which `y`, a `noun`, differs."""
    if not (pairs := find_contradictory(hashes, y, are_numbers=noun == "target")):
        return
    a, b = (keys[i] for i in pairs[0])
    said = f"{count(len(pairs), 'image')} {agree(len(pairs), 'is')}"
    warn(
        f"{said} there with more than one {noun} (equal files), of which one at most can be right: {a!r} and"
        f" {b!r}. 'cnncodes check' lists such.",
        ResultWarning,
    )


def warn_of_tuned(card: Card, hashes: Sequence[str]) -> None:
    """Warn of images that a network was fine-tuned on: held out from a head, they are not new to it."""
    known = "" if card.seen is None else say_seen(card.seen, hashes)
    if not known:
        return
    warn(
        f"the network {card.name!r} was fine-tuned on {known} of these {count(len(hashes), 'image')}, or"
        " chosen by them: what is measured, or learned, by holding them out (cross-validation, probabilities,"
        " abstaining, novelty) flatters. Give images that it has not seen.",
        ResultWarning,
    )


def pack_contents(trained: Contents, groups: Contents) -> dict[str, bytes]:
    """Return the members of a saved classifier that remember the training images, and their groups."""
    members = {CONTENTS_MEMBER: to_npy(trained)}
    return members | {GROUPS_MEMBER: to_npy(groups)} if len(groups) else members


def unpack_contents(archive: Archive) -> tuple[Contents, Contents]:
    """Read these members; no groups are none.

    Raises
    ------
    SavedModelError
        If one is anything but a sorted array of different 64-bit numbers.
    """
    groups = summarize_contents([])
    if GROUPS_MEMBER in archive.sizes:
        groups = _unpack(archive, GROUPS_MEMBER, "group")
    return _unpack(archive, CONTENTS_MEMBER, "training image"), groups


def _unpack(archive: Archive, member: str, noun: str) -> Contents:
    found: Contents = read_npy(archive, member)
    if found.ndim != 1 or found.dtype != np.uint64 or not (found[1:] > found[:-1]).all():
        raise SavedModelError(
            f"{archive.name} is damaged at {member!r}: it must hold a sorted list of uint64, one a {noun}."
            f" Got {found.dtype} of shape {found.shape}."
        )
    return found
