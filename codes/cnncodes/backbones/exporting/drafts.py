"""How images are fed to a file of weights that does not say so: its user says it in a small file beside it.

For ``nets/model.onnx`` that is ``nets/model.card.toml``. Where it is missing a draft is written, with what is
known filled in and the rest left out: nothing here is guessed.
"""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from cnncodes.backbones.channels import check_channels
from cnncodes.backbones.fields import build
from cnncodes.backbones.frame import Frame
from cnncodes.errors import BackboneError, CardError, sentence

Triple = tuple[float, float, float]

#: What each key means, and what it often is. A hint is no default.
_MEANINGS = {
    "description": 'What the network is, in one line: "ResNet-50 trained on photos of birds".',
    "licence": 'The licence of the weights as SPDX writes it: "Apache-2.0"; "NOASSERTION" if nobody says.',
    "height": "Height of the image that enters the network, in pixels; often 224.",
    "width": "Width of the image that enters the network, in pixels; often 224.",
    "resize": "Length to which the shorter side is resized before the patch is cut; often 256 for 224.",
    "interpolation": 'By which filter: "bicubic", "bilinear" or "lanczos".',
    "value_range": "What black and white become first: [0.0, 1.0] often, [0.0, 255.0] or [-1.0, 1.0].",
    "channels": 'The order in which it takes colours: "rgb", or "bgr" as Caffe and OpenCV have them.',
    "mean": "Subtracted then, in the order of channels; of ImageNet in rgb [0.485, 0.456, 0.406] of 0 to 1.",
    "std": "Divided by then, in the same order; of ImageNet in rgb [0.229, 0.224, 0.225] of 0 to 1.",
}

#: What holds where nothing else is said; it stands in the draft.
_DEFAULTS = {"channels": "rgb"}

_HEAD = """\
# How images are fed to {name}, which does not say so itself.
# What the network was trained with is known where it comes from; it is not guessed, since a network that is
# fed in another way still gives codes, only worse ones. Take the '#' before each key away, give its value,
# look whether what is filled in is right, and run the command again.
"""


@dataclass(frozen=True)
class Facts:
    """What has to be known of a network beside its weights.

    Pixels of 0 to 255 are first brought to `value_range`; then `mean` is subtracted, and `std` divides.

    Attributes
    ----------
    description : str
    licence : str
        SPDX identifier of the weights' licence.
    height, width : int
        Of the image that enters the network.
    resize : int
        Length to which an image's shorter side is resized before the patch is cut from its centre.
    interpolation : {"bicubic", "bilinear", "lanczos"}
    value_range : tuple of float
        What black and white become.
    mean, std : tuple of float
        By channel in the order of `channels`, in units of `value_range`.
    channels : {"rgb", "bgr"}
        The order in which the network takes the colours of a pixel.

    Raises
    ------
    CardError
        If a value cannot be right; the text says which.

    Examples
    --------
    >>> facts = Facts("a net", "MIT", 224, 224, 256, "bicubic", (-1.0, 1.0), (0.0,) * 3, (1.0,) * 3)
    >>> facts.pixel_mean, facts.pixel_std, facts.frame.resize
    ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5), 256)
    """

    description: str
    licence: str
    height: int
    width: int
    resize: int
    interpolation: str
    value_range: tuple[float, float]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    channels: str = "rgb"

    def __post_init__(self) -> None:
        for key in ("description", "licence"):
            text = getattr(self, key)
            if not text.strip() or "\n" in text:
                raise CardError(f"{key} must be one line of text. Got {text!r} instead.")
        least, greatest = self.value_range
        if not least < greatest:
            raise CardError(f"value_range must go from less to more. Got {list(self.value_range)} instead.")
        if not min(self.std) > 0:
            raise CardError(f"std must be positive. Got {list(self.std)} instead.")
        if not least <= min(self.mean) <= max(self.mean) <= greatest:
            raise CardError(
                f"mean must lie in value_range, whose units it has: {list(self.mean)} is beyond"
                f" {list(self.value_range)}."
            )
        check_channels(self.channels)
        _ = self.frame  # which says what is wrong with it

    @property
    def pixel_mean(self) -> Triple:
        """The mean in units of pixels of 0 to 255."""
        return self._to_pixels(self.mean, self.value_range[0])

    @property
    def pixel_std(self) -> Triple:
        """The standard deviation in units of pixels of 0 to 255."""
        return self._to_pixels(self.std, 0.0)

    @property
    def frame(self) -> Frame:
        """How an image becomes the network's input."""
        return Frame(self.height, self.width, self.resize, self.interpolation)

    def _to_pixels(self, values: Triple, zero: float) -> Triple:
        scale = 255 / (self.value_range[1] - self.value_range[0])
        one, two, three = ((value - zero) * scale for value in values)
        return one, two, three


def facts_file(weights_file: str | Path) -> Path:
    """Return where the facts of a file of weights are.

    Examples
    --------
    >>> facts_file("nets/model.onnx").as_posix()
    'nets/model.card.toml'
    """
    return Path(weights_file).with_suffix(".card.toml")


def read_facts(weights_file: str | Path, known: Mapping[str, Any] | None = None) -> Facts:
    """Read what the user says of a file of weights; where nothing is said yet, write a draft.

    Parameters
    ----------
    weights_file : str or path
    known : mapping, optional
        What is known of it already, by the names of `Facts`; it stands in the draft, and is used for
        nothing else.

    Raises
    ------
    BackboneError
        If there was no such file; the text says where the draft is and what to fill in. An existing file is
        never written to.
    CardError
        If a key is missing, unknown or of the wrong type, or cannot be right; the text names it.
    """
    path = facts_file(weights_file)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        _leave_draft(Path(weights_file), path, known or {})
    except (OSError, UnicodeDecodeError) as error:
        raise CardError(f"{str(path)!r} cannot be read: {sentence(error)}") from error
    try:
        return _parse(text)
    except CardError as error:
        raise CardError(f"{path}: {error}") from error


def _parse(text: str) -> Facts:
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise CardError(f"not TOML: {sentence(error)}") from error
    needed = [field.name for field in fields(Facts) if field.default is MISSING]
    missing = [name for name in needed if name not in values]
    if missing and set(values) <= set(_MEANINGS):
        raise CardError(f"not filled in yet: {', '.join(missing)}. The file says what each is.")
    facts: Facts = build(Facts, values, {})
    return facts


def make_draft(weights_file: str | Path, known: Mapping[str, Any]) -> str:
    """Return the draft: what is known as values, the rest as comments, which leave it missing.

    Examples
    --------
    >>> print(*make_draft("net.onnx", {"height": 224}).splitlines()[11:14], sep="\\n")
    # Height of the image that enters the network, in pixels; often 224.
    height = 224
    <BLANKLINE>
    """
    known = {**_DEFAULTS, **known}
    parts = [_HEAD.format(name=Path(weights_file).name)]
    for key, meaning in _MEANINGS.items():
        line = f"{key} = {_to_toml(known[key])}" if key in known else f"# {key} ="
        parts.append(f"# {meaning}\n{line}\n")
    return "\n".join(parts)


def _to_toml(value: Any) -> str:
    # JSON's texts, numbers and lists are TOML's too, but for one character that JSON may leave as it is.
    return json.dumps(value).replace("\x7f", "\\u007f")


def _leave_draft(weights_file: Path, path: Path, known: Mapping[str, Any]) -> NoReturn:
    """Write a draft and say so, by raising."""
    missing = ", ".join(key for key in _MEANINGS if key not in {**_DEFAULTS, **known})
    try:
        _create(path, make_draft(weights_file, known))
    except OSError as error:
        raise BackboneError(
            f"nothing says how images are fed to {str(weights_file)!r}, and a draft could not be written to"
            f" {str(path)!r} ({error.strerror}): write that file yourself, with {', '.join(_MEANINGS)}."
        ) from error
    raise BackboneError(
        f"nothing says how images are fed to {str(weights_file)!r}: a draft was written to {str(path)!r}."
        f" Fill in {missing}, and run the command again."
    )


def _create(path: Path, text: str) -> None:
    """Write a file whole or not at all, and never over another."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(text.encode())
            file.flush()
        except OSError:
            temporary.unlink()
            raise
    temporary.chmod(0o644)
    try:
        os.link(temporary, path)
    except OSError:  # no hard links on this file system, or there is one by now
        with path.open("x", encoding="utf-8") as created:
            created.write(text)
    finally:
        temporary.unlink()
