"""What a card may say: cards come from strangers, and from editors."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cnncodes.backbones.fields import SHA256
from cnncodes.backbones.precisions import BF16, PRECISIONS, check_known
from cnncodes.backbones.seen import SEEN
from cnncodes.errors import CardError

# A name on a card becomes part of a path, and cards come from strangers: no folders, drives or hidden files.
_PLAIN_NAME = re.compile(r"[^\W_][\w.+ -]*")

#: What `Card.sizes` may be.
SIZES = re.compile(r"dynamic|fixed|multiple-of-([1-9][0-9]{0,3})")


def is_plain_name(text: str) -> bool:
    """Tell whether a card may have a text for a name.

    Examples
    --------
    >>> is_plain_name("resnet18.onnx"), is_plain_name("../resnet18"), is_plain_name("_net")
    (True, False, False)
    """
    return _PLAIN_NAME.fullmatch(text) is not None


def check_files(name: str, model_file: str, files: Mapping[str, str]) -> None:
    """Raise `CardError` unless names are plain, and the network's file is one of those that have a hash."""
    for part in (name, model_file, *files):
        if not is_plain_name(part):
            raise CardError(
                f"{part!r} is not a plain name: names on a card are made of letters, digits, spaces and"
                " any of '_.+-', and start with a letter or digit."
            )
    if not model_file.endswith(".onnx"):
        raise CardError(f"model_file must end in '.onnx'. Got {model_file!r} instead.")
    if model_file not in files:
        raise CardError(f"the card lacks the sha256 of its model_file {model_file!r}.")


def check_hashes(files: Mapping[str, str], others: Mapping[str, str | None]) -> None:
    """Raise `CardError` unless files have a sha256, and other fields that are there are one."""
    for name, digest in files.items():
        if not SHA256.fullmatch(digest):
            raise CardError(
                f"files: {name!r} must have a sha256 of 64 hexadecimal digits, a to f in lower case."
                f" Got {digest!r} instead."
            )
    for key, other in others.items():
        if other is not None and not SHA256.fullmatch(other):
            raise CardError(
                f"{key} must be a sha256 of 64 hexadecimal digits, a to f in lower case. Got {other!r}"
                " instead."
            )


def check_seen(seen: str | None) -> None:
    """Raise `CardError` unless images that a network was tuned on are written as they have to be."""
    if seen is not None and not SEEN.fullmatch(seen):
        raise CardError(
            "seen must be 16 hexadecimal digits an image, one after the other, a to f in lower case. Got"
            f" {seen[:40]!r} instead."
        )


def check_precisions(
    precision: str, precisions: Mapping[str, str], model_file: str, files: Mapping[str, str]
) -> None:
    """Raise `CardError` unless each precision is a known one and has one file of its own."""
    check_known("precision", [precision], (*PRECISIONS, BF16))
    check_known("precisions", precisions)
    for name, file in precisions.items():
        if file not in files or not file.endswith(".onnx"):
            raise CardError(f"precisions: {file!r} must be one of the card's files and end in '.onnx'.")
        if name == precision or file == model_file:
            raise CardError(
                f"precisions: {name} has the file {file!r}, and {model_file!r} with {precision}"
                " is the model_file: neither may be there twice."
            )
