"""The card of a backbone: what the network is, where it comes from, and what it expects to be fed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from cnncodes.errors import CardError, suggest

#: Raised when a card changes in a way that older versions cannot read.
CARD_FORMAT = 1

_INTERPOLATIONS = ("bicubic", "bilinear", "lanczos")


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
            raise CardError(
                f"the card is of format {self.format!r}; this version of cnncodes reads format {CARD_FORMAT}."
            )
        for part in (self.name, self.model_file, *self.files):
            if not part or Path(part).name != part or part.startswith("."):
                raise CardError(f"{part!r} is not a plain name: names on a card have no folders in them.")
        if self.model_file not in self.files:
            raise CardError(f"the card lacks the sha256 of its model_file {self.model_file!r}.")
        if self.code_size < 1:
            raise CardError(f"code_size must be at least 1. Got {self.code_size!r} instead.")

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
        except tomllib.TOMLDecodeError as error:
            raise CardError(f"not TOML: {error}.") from error
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


_TYPES: dict[str, Any] = {
    "int": int,
    "str": str,
    "Frame": Frame,
    "dict[str, str]": dict,
    "dict[str, float]": dict,
}


def _build(cls: Any, values: Mapping[str, Any], where: str) -> Any:
    known = {field.name: str(field.type) for field in fields(cls)}
    for key in values:
        if key not in known:
            raise CardError(f"{where}unknown key {key!r}. {suggest(key, known)}")
    built = {}
    for key, value in values.items():
        kind = known[key]
        expected = _TYPES.get(kind, list)
        if not isinstance(value, expected) or isinstance(value, bool):
            raise CardError(f"{where}{key} must be {kind}. Got {value!r} instead.")
        built[key] = tuple(float(item) for item in value) if expected is list else value
    missing = [key for key in known if key not in built and key not in ("format", "interpolation", "crop")]
    if missing:
        raise CardError(f"{where}missing: {', '.join(missing)}.")
    return cls(**built)
