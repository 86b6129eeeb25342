"""The card of a backbone: what the network is, where it comes from, and what it expects to be fed."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from cnncodes.errors import CardError, suggest

#: Raised when a card changes in a way that older versions cannot read.
CARD_FORMAT = 1

_INTERPOLATIONS = ("bicubic", "bilinear", "lanczos")

# A name on a card becomes part of a path, and cards come from strangers: no folders, drives or hidden files.
_PLAIN_NAME = re.compile(r"[^\W_][\w.+ -]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Frame:
    """How an image becomes the network's input.

    Attributes
    ----------
    height, width : int
        Patch size in pixels.
    resize : int
        Length to which the image's shorter side is resized before the patch is cut from its centre.
    interpolation : {"bicubic", "bilinear", "lanczos"}
        Pillow's antialiased filter for that.
    crop : {"center"}
        Which patch a plan takes that asks for one only.
    """

    height: int
    width: int
    resize: int
    interpolation: str = "bicubic"
    crop: str = "center"

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 1 or self.resize < max(self.height, self.width):
            raise CardError(
                f"frame: a patch of {self.height} x {self.width} does not fit an image resized to"
                f" {self.resize}."
            )
        if self.interpolation not in _INTERPOLATIONS:
            raise CardError(
                f"frame: unknown interpolation {self.interpolation!r}."
                f" {suggest(self.interpolation, _INTERPOLATIONS)}"
            )
        if self.crop != "center":
            raise CardError(f"frame: crop must be 'center'. Got {self.crop!r} instead.")


@dataclass(frozen=True)
class Card:
    """What is known of a backbone; written beside its ONNX file as ``card.toml``.

    Attributes
    ----------
    name, description : str
    source_package, source_version, source_weights : str
        Where the network and its weights were taken from.
    licence : str
        SPDX identifier of the weights' licence.
    model_file : str
        The ONNX file; one of `files`.
    layer : str
        The layer whose activations are the code.
    code_size : int
        Length of a code.
    value_range : tuple of float
        Least and greatest value of the input; the graph takes uint8.
    mean, std : tuple of float
        The normalisation inside the graph, in units of `value_range`, by channel. The graph is the
        truth about it; this repeats it.
    sizes : str
        Spatial sizes that the graph takes: ``"dynamic"``.
    min_size : int
        The shortest height and width that it takes, in pixels.
    opset : int
        ONNX operator set.
    frame : Frame
    files : dict of str to str
        The sha256 of each file, in hexadecimal.
    exporter : dict of str to str
        Versions of the packages that wrote the graph.
    parity : dict of str to float
        How closely the codes match those of the original, see `cnncodes.backbones.parity`.
    format : int
    """

    name: str
    description: str
    source_package: str
    source_version: str
    source_weights: str
    licence: str
    model_file: str
    layer: str
    code_size: int
    value_range: tuple[float, float]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    sizes: str
    min_size: int
    opset: int
    frame: Frame
    files: dict[str, str]
    exporter: dict[str, str]
    parity: dict[str, float]
    format: int = CARD_FORMAT

    def __post_init__(self) -> None:
        if self.format != CARD_FORMAT:
            raise CardError(_wrong_format(self.format))
        self._check_files()
        self._check_numbers()

    def _check_files(self) -> None:
        for part in (self.name, self.model_file, *self.files):
            if not _PLAIN_NAME.fullmatch(part):
                raise CardError(
                    f"{part!r} is not a plain name: names on a card are made of letters, digits, spaces and"
                    " any of '_.+-', and start with a letter or digit."
                )
        if not self.model_file.endswith(".onnx"):
            raise CardError(f"model_file must end in '.onnx'. Got {self.model_file!r} instead.")
        if self.model_file not in self.files:
            raise CardError(f"the card lacks the sha256 of its model_file {self.model_file!r}.")
        for name, digest in self.files.items():
            if not _SHA256.fullmatch(digest):
                raise CardError(
                    f"files: {name!r} must have a sha256 of 64 hexadecimal digits, a to f in lower case."
                    f" Got {digest!r} instead."
                )

    def _check_numbers(self) -> None:
        for key in ("code_size", "min_size", "opset"):
            if getattr(self, key) < 1:
                raise CardError(f"{key} must be at least 1. Got {getattr(self, key)!r} instead.")
        if self.sizes != "dynamic":
            raise CardError(f"sizes must be 'dynamic'. Got {self.sizes!r} instead.")
        if not min(self.std) > 0:
            raise CardError(f"std must be positive. Got {self.std} instead.")
        if not self.value_range[0] < self.value_range[1]:
            raise CardError(f"value_range must go from less to more. Got {self.value_range} instead.")
        if min(self.frame.height, self.frame.width) < self.min_size:
            raise CardError(
                f"frame: a patch of {self.frame.height} x {self.frame.width} is below the min_size"
                f" {self.min_size}."
            )

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a card.

        Raises
        ------
        CardError
            If there is none, or a key is missing, unknown or of the wrong type; the text names it.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CardError(f"the card {str(path)!r} cannot be read: {error}.") from error
        try:
            return cls.from_toml(text)
        except CardError as error:
            raise CardError(f"{path}: {error}") from error

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Build a card from TOML text; raises `CardError` like `read`."""
        try:
            values = tomllib.loads(text)
        except (ValueError, RecursionError) as error:  # numbers too long, arrays too deep
            raise CardError(f"not TOML: {error}.") from error
        number = values.get("format")
        if isinstance(number, int) and number > CARD_FORMAT:  # first: a newer card has keys unknown here
            raise CardError(_wrong_format(number))
        frame = values.get("frame")
        if isinstance(frame, dict):
            values["frame"] = _build(Frame, frame, "frame: ")
        card: Self = _build(cls, values, "")
        return card

    def to_toml(self) -> str:
        """Return the card as TOML; the same card gives the same text."""
        import tomli_w

        return tomli_w.dumps(asdict(self))

    def write(self, path: str | Path) -> None:
        """Write the card."""
        Path(path).write_text(self.to_toml(), encoding="utf-8")


def _wrong_format(number: int) -> str:
    return f"the card is of format {number!r}; this version of cnncodes reads format {CARD_FORMAT}."


def _is_number(value: Any) -> bool:
    # TOML knows nan, inf and whole numbers that no float holds.
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _are_numbers(value: Any, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and all(map(_is_number, value))


def _is_table(value: Any, check: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(map(check, value.values()))


#: For each annotation: what it is called, and whether a value out of TOML is that.
_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "int": ("a whole number", lambda value: type(value) is int),
    "str": ("a string", lambda value: type(value) is str),
    "Frame": ("a table", lambda value: isinstance(value, Frame)),
    "dict[str, str]": ("a table of strings", lambda value: _is_table(value, lambda v: type(v) is str)),
    "dict[str, float]": ("a table of numbers", lambda value: _is_table(value, _is_number)),
    "tuple[float, float]": ("a list of 2 numbers", lambda value: _are_numbers(value, 2)),
    "tuple[float, float, float]": ("a list of 3 numbers", lambda value: _are_numbers(value, 3)),
}


def _build(cls: Any, values: Mapping[str, Any], where: str) -> Any:
    known = {field.name: str(field.type) for field in fields(cls)}
    built = {}
    for key, value in values.items():
        if key not in known:
            raise CardError(f"{where}unknown key {key!r}. {suggest(key, known)}")
        kind, is_right = _KINDS[known[key]]
        if not is_right(value):
            raise CardError(f"{where}{key} must be {kind}. Got {value!r} instead.")
        built[key] = tuple(float(item) for item in value) if isinstance(value, list) else value
    missing = [field.name for field in fields(cls) if field.default is MISSING and field.name not in built]
    if missing:
        raise CardError(f"{where}missing: {', '.join(missing)}.")
    return cls(**built)
