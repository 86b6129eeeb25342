"""Networks in ONNX files that somebody else made, fed as their user says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cnncodes.backbones.card_checks import is_plain_name
from cnncodes.backbones.checking.parity import Codes
from cnncodes.backbones.exporting.addresses import Address
from cnncodes.backbones.exporting.drafts import Facts, read_facts
from cnncodes.backbones.exporting.onnx_naming import move_names
from cnncodes.backbones.exporting.onnx_reading import OnnxFile, read_onnx_file
from cnncodes.backbones.exporting.onnx_wrapping import FileCut, find_file_cut, wrap_model
from cnncodes.backbones.exporting.originals import Original
from cnncodes.backbones.exporting.references import Images, normalise, pool_places
from cnncodes.backbones.graphs.canonical import serialize
from cnncodes.backbones.graphs.picks import Pick
from cnncodes.backbones.running.starting import CPU, run_session, start_session
from cnncodes.errors import BackboneError, sentence


def find_in_file(path: str | Path, facts: Facts | None = None) -> Original:
    """Return the network in an ONNX file.

    Parameters
    ----------
    path : str or path
    facts : Facts, optional
        How images are fed to it; read from the file beside it where it is not given, see
        `cnncodes.backbones.exporting.drafts`.

    Raises
    ------
    BackboneError
        If the file is none, or nothing says how images are fed; a draft is then beside it.
    """
    path = Path(path)
    address = Address("file", path.name)
    if not is_plain_name(address.slug):
        raise BackboneError(
            f"the backbone would have the name of the file {str(path)!r}, which has to start with a letter or"
            " digit: rename the file."
        )
    file = read_onnx_file(path)
    if facts is None:
        facts = read_facts(path, _list_known(file))
    _check_size(file, facts)
    hashes = "; ".join(f"{name}, sha256 {digest}" for name, digest in file.hashes.items())
    return Original(
        name=address.slug,
        description=facts.description,
        licence=facts.licence,
        packages=("onnx",),
        make=lambda: file,
        mean=facts.pixel_mean,
        std=facts.pixel_std,
        frame=facts.frame,
        weights=hashes,
        address=str(address),
        parent=file.sha256,
        channels=facts.channels,
    )


def _list_known(file: OnnxFile) -> dict[str, Any]:
    sides = {"height": file.input.height, "width": file.input.width}
    return {key: value for key, value in sides.items() if value is not None}


def _check_size(file: OnnxFile, facts: Facts) -> None:
    for key, said, given in (
        ("height", facts.height, file.input.height),
        ("width", facts.width, file.input.width),
    ):
        if given not in (None, said):
            raise BackboneError(
                f"{str(file.path)!r} takes images of {key} {given}, and the file beside it says {said}."
            )


@dataclass(frozen=True)
class FileReference:
    """The network of an ONNX file as it is: float images in, run by ONNX Runtime.

    Attributes
    ----------
    original : Original
    file : OnnxFile
    cut : FileCut
    """

    original: Original
    file: OnnxFile
    cut: FileCut

    @classmethod
    def make(cls, original: Original, file: OnnxFile) -> FileReference:
        """Find the network's classifier."""
        frame = original.frame
        return cls(original, file, find_file_cut(file, frame.height, frame.width, headless=original.headless))

    @property
    def layer(self) -> str:
        """The layer whose activations are the code, in words."""
        return self.cut.layer

    @property
    def weights(self) -> str:
        """Which weights these are: the file's."""
        return self.original.weights

    @property
    def takes_one_size(self) -> bool:
        """Whether the file's input has one size."""
        return self.file.input.height is not None or self.file.input.width is not None

    @cached_property
    def _session(self) -> Any:
        return self._start([self.cut.tensor])

    def _start(self, tensors: list[str]) -> Any:
        """Return a session of the file that gives some of its tensors."""
        import onnx

        model = onnx.ModelProto.FromString(self.file.model.SerializeToString())
        given = {value.name for value in model.graph.output}
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors if name not in given)
        return start_session(model.SerializeToString(), str(self.file.path), CPU, 0)

    def run(self, images: Images, *, std_factors: Sequence[float] = (1.0,)) -> Codes:
        """Return the codes of images; with other factors than 1 they are normalised in a wrong way."""
        [values] = self._give(self._session, [self.cut.tensor], images, std_factors)
        codes: Codes = values.mean(axis=self.cut.places, dtype=np.float64) if self.cut.places else values
        return codes

    def observe(
        self, images: Images, pick: Pick, *, std_factors: Sequence[float] = (1.0,)
    ) -> dict[str, Codes]:
        """Return the tensors that have the names of picked layers, pooled as the pick says."""
        made = [name for node in self.file.model.graph.node for name in node.output]
        moved = move_names(self.file.model.graph)
        tensors = [name for name in made if moved.get(name, name) in pick.names]
        if not tensors:  # but the network's own code
            return {}
        given = self._give(self._start(tensors), tensors, images, std_factors)
        return {
            f"{name}{where}": codes
            for name, values in zip(tensors, given, strict=True)
            for where, codes in pool_places(values, pick.pool).items()
        }

    def _give(
        self, session: Any, tensors: list[str], images: Images, std_factors: Sequence[float]
    ) -> list[Any]:
        """Return tensors of the file for images."""
        pixels, given = normalise(images, self.original, std_factors), self.file.input
        if not given.channels_first:
            pixels = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
        size, parts = given.batch or 4, []
        for start in range(0, len(pixels), size):
            part = pixels[start : start + size]
            if given.batch is not None:  # a fixed batch is filled with the last image
                part = part[np.minimum(np.arange(size), len(part) - 1)]
            parts.append(run_session(session, tensors, {given.name: part}, str(self.file.path)))
        return [np.concatenate(column)[: len(images)] for column in zip(*parts, strict=True)]

    def cut_off(self) -> None:
        """Do nothing: what comes after the code is left out of the graph."""

    def trace(self, *, fixed: bool = False) -> bytes:
        """Return the graph of the network, without its classifier.

        Raises
        ------
        BackboneError
            If it is sound for the file's own batch alone.
        """
        frame = self.original.frame
        sides = (frame.height, frame.width) if fixed else None
        model = wrap_model(self.file, self.cut, self.original, sides=sides)
        try:
            return serialize(model)
        except Exception as error:  # ONNX's checker has several classes, as has its inference of shapes
            reason = " ".join(str(error).split())[:300].rstrip(".")
            raise BackboneError(f"its shapes do not fit another batch or size: {sentence(reason)}") from error

    def trace_quickly(self) -> bytes | None:
        """Return None: the graph is there, and `trace` takes no time."""
        return None

    def check_weights(self, trainable: list[str], kept: set[str]) -> None:
        """Raise unless the graph has weights: which those are is known by their names alone."""
        if not trainable:
            raise BackboneError(f"{str(self.file.path)!r} has no weights.")
