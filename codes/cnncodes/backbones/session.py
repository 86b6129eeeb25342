"""A backbone at work: an ONNX Runtime session and its card."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.card import Card
from cnncodes.backbones.frame import Frame
from cnncodes.backbones.precisions import BF16
from cnncodes.backbones.running.bf16 import check_bf16
from cnncodes.backbones.running.doubt import Doubt
from cnncodes.backbones.running.instructions import has_dot_products
from cnncodes.backbones.running.providers import NAMES, Provider, parse_providers
from cnncodes.backbones.running.starting import CPU, check_images, check_threads, run_session, start_session
from cnncodes.backbones.running.timing import draw_noise
from cnncodes.errors import BackboneError, CardError, UsageError
from cnncodes.pointers import explain_pointer

if TYPE_CHECKING:
    from cnncodes.backbones.graphs.maps import DenseBackbone
    from cnncodes.backbones.running.binding import BoundRunner


class Backbone:
    """A pretrained network that turns images into codes. Made by `load_backbone`.

    It may be shared by threads, copied, and pickled.

    Parameters
    ----------
    model : bytes
        The ONNX file; on a match with the card's sha256 it is loaded.
    card : Card
    providers : sequence of str, tuple or Provider
        Execution providers of ONNX Runtime; each has to start. See `Provider.parse`.
    threads : int
        Threads in one call of `run`.

    Attributes
    ----------
    card : Card
    sha256 : str
        Of the ONNX file; where layers were picked, of the network's whole file.
    providers : tuple of Provider
    threads : int
    passed_over : tuple of str
        Why the providers that ``auto`` tried first do not start.
    folder : Path or None
        Where `load_backbone` has it from; a pickled one forgets it.
    """

    def __init__(self, model: bytes, card: Card, *, providers: Sequence[Any] = CPU, threads: int = 1) -> None:
        check_threads(threads)
        self.card = card
        self.providers = parse_providers(providers)
        self.passed_over: tuple[str, ...] = ()
        self.folder: Path | None = None
        _check_arithmetic(card, self.providers[0])
        found = check_hash(model, card)
        self.sha256 = card.whole or found
        self._model = model
        self.threads = threads
        self._session = start_session(
            model,
            f"{card.model_file} of {card.name!r}",
            self.providers,
            threads,
            precision=card.precision,
        )
        _check_signature(self._session, card)
        self._doubt: Doubt | None = None
        if card.precision == BF16:
            check_bf16(self._session, model, f"{card.model_file} of {card.name!r}", card.frame)

    @classmethod
    def from_bytes(cls, model: bytes, card: Card) -> Backbone:
        """Make a backbone of an ONNX file in memory, on the CPU."""
        backbone = cls(model, card, providers=list_default(card.precision))
        backbone._doubt = Doubt(card, backbone.providers)
        return backbone

    @property
    def frame(self) -> Frame:
        """How an image becomes the network's input."""
        return self.card.frame

    @property
    def precision(self) -> str:
        """What it computes in: ``"fp32"``, ``"fp16"``, ``"int8"`` or ``"bf16"``."""
        return self.card.precision

    @property
    def code_size(self) -> int:
        """Length of a code."""
        return self.card.code_size

    def model_bytes(self) -> bytes:
        """Return the ONNX file."""
        return self._model

    def run(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return the codes of images that are all of one size.

        On the CPU the code of an image is the same, bit for bit, whatever else is in the batch.

        Parameters
        ----------
        images : ndarray of uint8, shape (n_images, height, width, 3)
            RGB.

        Returns
        -------
        ndarray of float32, shape (n_images, code_size)

        Raises
        ------
        UsageError
            If the array is of another type or shape.
        BackboneError
            If the network fails, for instance for want of memory.
        """
        check_images(images)
        if images.ndim != 4 or images.shape[3] != 3 or not self.card.takes(*images.shape[1:3]):
            raise UsageError(
                "images must have the shape (n_images, height, width, 3), height and width"
                f" {self.card.describe_sizes()}. Got {images.shape} instead."
            )
        if len(images) == 0:
            return np.empty((0, self.code_size), np.float32)
        if self._doubt is not None:
            self._doubt.settle(self)
        codes: npt.NDArray[np.float32]
        [codes] = run_session(self._session, ["code"], {"image": images}, f"backbone {self.card.name!r}")
        return codes

    def release_memory(self) -> None:
        """Give back what the runtime keeps of the memory that larger batches took; on the CPU alone.

        Raises
        ------
        BackboneError
            If the network fails on the one image that it is run on for that.
        """
        if self.providers[0].name == NAMES["cpu"]:
            name = f"backbone {self.card.name!r}"
            run_session(self._session, ["code"], {"image": draw_noise(self.frame, 1)}, name, shrinks=True)

    def bind(self, batch_size: int) -> BoundRunner:
        """Return what runs the network in batches of one shape, as devices of their own want it.

        Each has buffers of its own and serves one thread at a time; several share this session.
        """
        from cnncodes.backbones.running.binding import BoundRunner

        shape = self.frame.height, self.frame.width, self.code_size
        return BoundRunner(
            self._session, f"backbone {self.card.name!r}", shape, batch_size, self.providers[0]
        )

    def dense(self, *, window: bool = False) -> DenseBackbone:
        """Return the network in a form that gives a map of codes for images of any size (extra: report).

        Parameters
        ----------
        window : bool
            Whether a cell of the map is the code of a window as large as the frame, as far as padding allows.
            Without it the average over the network's last map is left out, and the map is as fine as that:
            where nothing but that average makes the code, it is the mean of the map. Where fully connected
            layers take the last map as a whole, both are the same.

        Raises
        ------
        BackboneError
            If there is no such form, as for networks that attend.

        Examples
        --------
        >>> import numpy as np, cnncodes
        >>> maps = cnncodes.load_backbone().dense()
        >>> maps.run(np.zeros((1, 256, 320, 3), np.uint8)).shape
        (1, 1280, 8, 10)
        """
        from cnncodes.backbones.graphs.maps import DenseBackbone

        return DenseBackbone(self, window=window)

    def __reduce__(self) -> tuple[Any, ...]:
        # A session cannot be pickled, but it can be started again.
        return _rebuild, (self._model, self.card, self.providers, self.threads)

    def __copy__(self) -> Backbone:
        return self  # nothing in it changes, and scikit-learn's clone copies every parameter

    def __deepcopy__(self, memo: dict[int, Any]) -> Backbone:
        return self

    def __repr__(self) -> str:
        return f"Backbone({self.card.name!r}, sha256={self.sha256[:12]}…)"


def list_default(precision: str | None) -> tuple[str, ...]:
    """Return what a network runs on where nobody says it: the CPU, or what alone computes in bf16."""
    return ("openvino",) if precision == BF16 else CPU


def _check_arithmetic(card: Card, provider: Provider) -> None:
    """Raise where a provider would compute something else than what the card says."""
    openvino = provider.name == NAMES["openvino"]
    if card.precision == BF16 and not openvino:
        raise BackboneError(
            f"bf16 is computed by OpenVINO alone, and {card.name!r} is to run on {provider}:"
            " take --provider openvino (the package onnxruntime-openvino), or fp32."
        )
    if card.precision == "int8" and openvino and has_dot_products() is False:
        raise BackboneError(
            f"int8 by OpenVINO gives other codes of {card.name!r} on this processor, since its sums overflow"
            " without 8-bit dot products (VNNI): take --provider cpu, which is exact, or fp32."
        )


def check_hash(model: bytes, card: Card) -> str:
    """Return the sha256 of a network's file, which has to be its card's."""
    found = hashlib.sha256(model).hexdigest()
    expected = card.files[card.model_file]
    if found != expected:
        if told := explain_pointer(model):
            raise CardError(f"{card.model_file} of backbone {card.name!r} is not there: {told}.")
        raise CardError(
            f"{card.model_file} of backbone {card.name!r} has sha256 {found}, but its card says"
            f" {expected}: the file is damaged or is another one."
        )
    return found


def _rebuild(model: bytes, card: Card, providers: Sequence[Any], threads: int) -> Backbone:
    return Backbone(model, card, providers=providers, threads=threads)


def _check_signature(session: Any, card: Card) -> None:
    """Raise unless the graph is ours: uint8 NHWC images in, one float code of the card's out, any batch."""
    found = [
        (item.name, item.type, list(item.shape)) for item in (*session.get_inputs(), *session.get_outputs())
    ]
    sides = [card.frame.height, card.frame.width] if card.sizes == "fixed" else ["height", "width"]
    signature = [(name, kind) for name, kind, _ in found]
    good = signature == [("image", "tensor(uint8)"), ("code", "tensor(float)")]
    if good:
        image, code = (shape for _, _, shape in found)
        # What is free has a name or none, and no number.
        lengths = [length if isinstance(length, int) else None for length in (*image, *code)]
        fixed = [side if isinstance(side, int) else None for side in sides]
        good = lengths == [None, *fixed, 3, None, card.code_size]
    if not good:
        raise BackboneError(
            f"{card.model_file} is no backbone: expected one input 'image', uint8"
            f" [batch, {', '.join(map(str, sides))}, 3], and one output 'code', float"
            f" [batch, {card.code_size}]. Got {found}."
        )
