"""The card of a backbone: what the network is, where it comes from, and what it expects to be fed."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

from cnncodes.backbones.card_checks import SIZES, check_files, check_hashes, check_precisions, check_seen
from cnncodes.backbones.channels import check_channels
from cnncodes.backbones.fields import build
from cnncodes.backbones.frame import Frame
from cnncodes.backbones.graphs.initializers import Weights
from cnncodes.backbones.precisions import BF16, Quantization, check_known, leave_out_absent
from cnncodes.errors import BackboneError, CardError, sentence

#: Raised when a card changes in a way that older versions cannot read. Cards since 1 are read: what
#: format 2 added (fixed sizes, `weights`, `address`, `random_state`) and format 3 (`channels`, `parent`,
#: `layers`, `precision`, `precisions`, `quantization`, `seen`) may be absent.
CARD_FORMAT = 3

#: What `Card.source_package` is of a network that cnncodes has fine-tuned.
TUNED = "cnncodes"


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
        The normalisation inside the graph, in units of `value_range`, by channel in the order of
        `channels`. The graph is the truth about it; this repeats it.
    sizes : str
        Spatial sizes that the graph takes: ``"dynamic"`` (any from `min_size`), ``"fixed"`` (the frame's
        alone) or ``"multiple-of-N"`` (sides that N divides).
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
        How closely the codes match those of the original, see `cnncodes.backbones.checking.parity`; where
        picked layers cannot be compared, ``own_code_…`` of the network's own code, which these are not.
    weights : Weights, optional
        Which initializers are trainable.
    address : str, optional
        Where the original is found again, where it is no network of the zoo.
    random_state : int, optional
        What the weights were drawn from, where they are random.
    parent : str, optional
        The sha256 of the ONNX file that this graph was made from, where that was one.
    layers : dict of str to int, optional
        The layers that the code is made of, one after the other, with the length of each: where they were
        picked as the network was loaded (`load_backbone`), or where several were as it was exported.
    whole : str, optional
        The sha256 of the network's file, where layers were picked as it was loaded: the network's identity.
        The graph is then a part of the network's.
    seen : str, optional
        Images that it was fine-tuned on or chosen by, as `cnncodes.backbones.seen` writes them.
    channels : {"rgb", "bgr"}
        The order in which the network takes the colours of a pixel. The graph takes RGB and puts them so.
    precision : str
        The arithmetic of `model_file`, one of `cnncodes.backbones.precisions.PRECISIONS`.
    precisions : dict of str to str
        Further ONNX files of the same network by their precision; each one of `files`.
    quantization : dict of str to Quantization
        How each of them was made and how close it is, by its precision.
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
    weights: Weights | None = None
    address: str | None = None
    random_state: int | None = None
    parent: str | None = None
    layers: dict[str, int] | None = None
    whole: str | None = None
    seen: str | None = None
    channels: str = "rgb"
    precision: str = "fp32"
    precisions: dict[str, str] = field(default_factory=dict)
    quantization: dict[str, Quantization] = field(default_factory=dict)
    format: int = CARD_FORMAT

    def __post_init__(self) -> None:
        if not 1 <= self.format <= CARD_FORMAT:
            raise CardError(_wrong_format(self.format))
        check_files(self.name, self.model_file, self.files)
        check_hashes(self.files, {"parent": self.parent, "whole": self.whole})
        check_seen(self.seen)
        check_precisions(self.precision, self.precisions, self.model_file, self.files)
        check_known("quantization", self.quantization)
        check_channels(self.channels)
        self._check_numbers()
        self._check_frame()

    def _check_numbers(self) -> None:
        for key in ("code_size", "min_size", "opset"):
            if getattr(self, key) < 1:
                raise CardError(f"{key} must be at least 1. Got {getattr(self, key)!r} instead.")
        if self.layers is None and self.whole is not None:
            raise CardError("whole goes with layers: a card has it only where layers were picked.")
        if self.layers is not None and (
            min(self.layers.values(), default=0) < 1 or sum(self.layers.values()) != self.code_size
        ):
            raise CardError(
                f"layers must have lengths of at least 1 that make up the code_size {self.code_size}. Got"
                f" {self.layers}."
            )
        if not SIZES.fullmatch(self.sizes):
            raise CardError(
                f"sizes must be 'dynamic', 'fixed' or 'multiple-of-N'. Got {self.sizes!r} instead."
            )
        if not min(self.std) > 0:
            raise CardError(f"std must be positive. Got {self.std} instead.")
        if not self.value_range[0] < self.value_range[1]:
            raise CardError(f"value_range must go from less to more. Got {self.value_range} instead.")

    def _check_frame(self) -> None:
        if min(self.frame.height, self.frame.width) < self.min_size:
            raise CardError(
                f"frame: a patch of {self.frame.height} x {self.frame.width} is below the min_size"
                f" {self.min_size}."
            )
        if not self.takes(self.frame.height, self.frame.width):
            raise CardError(
                f"frame: a patch of {self.frame.height} x {self.frame.width} is not of the sizes that the"
                f" network takes, {self.sizes}."
            )

    def choose(self, precision: str | None) -> Self:
        """Return the card of one of the network's files alone: what stands beside the others is left out.

        Parameters
        ----------
        precision : str or None
            None means that of `model_file`.

        Raises
        ------
        BackboneError
            If there is no file of that precision; the text says which there are, and how to make one.
        """
        if precision is None or precision == self.precision:
            return self
        if precision == BF16 and self.precision == "fp32":
            return replace(self, precision=BF16, precisions={}, quantization={})
        if precision not in self.precisions:
            there = ", ".join([self.precision, *self.precisions])
            raise BackboneError(
                f"backbone {self.name!r} has no {precision} file; it has {there}. 'cnncodes models quantize'"
                " makes fp16 and int8."
            )
        file = self.precisions[precision]
        return replace(
            self,
            model_file=file,
            files={file: self.files[file]},
            precision=precision,
            precisions={},
            quantization={name: facts for name, facts in self.quantization.items() if name == precision},
            parent=self.files[self.model_file],
            weights=None,  # trainable ones are those of the file that it was made from
        )

    @property
    def multiple(self) -> int:
        """What the sides of an image have to be multiples of; 1 where that is no matter."""
        found = SIZES.fullmatch(self.sizes)
        return int(found[1]) if found and found[1] else 1

    def takes(self, height: int, width: int) -> bool:
        """Tell whether the graph takes images of that size."""
        if self.sizes == "fixed":
            return (height, width) == (self.frame.height, self.frame.width)
        return min(height, width) >= self.min_size and height % self.multiple == width % self.multiple == 0

    def least_side(self) -> int:
        """Return the least height and width that the graph takes."""
        return -(-self.min_size // self.multiple) * self.multiple

    def describe_sizes(self) -> str:
        """Return the sizes that the graph takes in words: ``at least 32``.

        It completes the sentence "height and width have to be …".
        """
        if self.sizes == "fixed":
            return f"{self.frame.height} and {self.frame.width}"
        multiple = f" and multiples of {self.multiple}" if self.multiple > 1 else ""
        return f"at least {self.min_size}{multiple}"

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
            raise CardError(f"the card {str(path)!r} cannot be read: {sentence(error)}") from error
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
            raise CardError(f"not TOML: {sentence(error)}") from error
        number = values.get("format")
        if isinstance(number, int) and number > CARD_FORMAT:  # first: a newer card has keys unknown here
            raise CardError(_wrong_format(number))
        card: Self = build(cls, values, {"Frame": Frame, "Quantization": Quantization, "Weights": Weights})
        return card

    def to_toml(self) -> str:
        """Return the card as TOML; the same card gives the same text."""
        import tomli_w

        values = {key: value for key, value in asdict(self).items() if value is not None}
        leave_out_absent(values)
        if self.channels == "rgb":  # so that cards stay as they were
            del values["channels"]
        return tomli_w.dumps(values)

    def write(self, path: str | Path) -> None:
        """Write the card."""
        Path(path).write_text(self.to_toml(), encoding="utf-8")


def _wrong_format(number: int) -> str:
    return f"the card is of format {number!r}; this version of cnncodes reads formats 1 to {CARD_FORMAT}."
