"""A network as it was published, in the framework it was trained in: what is exported."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from cnncodes.backbones.frame import Frame
from cnncodes.errors import BackendMissing, install_advice

#: What SPDX has for a licence that nobody stated.
NO_LICENCE = "NOASSERTION"


@dataclass(frozen=True)
class Original:
    """One published network and what is known of it.

    Attributes
    ----------
    name, description, licence : str
    packages : tuple of str
        Distributions of the network's code and, where they have one, of its weights.
    make : callable
        Returns the torch module with its weights, in evaluation mode; or the `OnnxFile`.
    mean, std : tuple of float
        Normalisation of pixels from 0 to 255, by channel in the order of `channels`.
    frame : Frame
    features : str
        Name of the module's method that gives the last feature map, whose average is the code. Empty: the
        code is what enters the classifier, see `cnncodes.backbones.exporting.cutting`.
    layer : str
        What the card calls the code's layer; empty: found with the classifier.
    min_size : int
        The least height and width; 0: to be found out.
    weights : str
        Which weights these are, where they are no distribution.
    headless : bool
        That there is no classifier, and the output is the code.
    address : str, optional
        Where this can be found again; None for the zoo's own.
    random_state : int, optional
        What the weights were drawn from.
    note : str
        What the user should know of the choices that were made for him.
    parent : str, optional
        The sha256 of the ONNX file that it is, and no torch module.
    channels : {"rgb", "bgr"}
        The order in which it takes the colours of a pixel.
    """

    name: str
    description: str
    licence: str
    packages: tuple[str, ...]
    make: Callable[[], Any]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    frame: Frame
    features: str = ""
    layer: str = ""
    min_size: int = 0
    weights: str = ""
    headless: bool = False
    address: str | None = None
    random_state: int | None = None
    note: str = ""
    parent: str | None = None
    channels: str = "rgb"

    @property
    def is_file(self) -> bool:
        """Whether it is an ONNX file, and no torch module."""
        return self.parent is not None


@contextlib.contextmanager
def missing_export_extra() -> Any:
    """Turn a failed import of what exporting needs into the word on which extra to install."""
    try:
        yield
    except ImportError as error:
        raise BackendMissing(
            f"{error.name or error} is not installed, which exporting and parity need:"
            f" {install_advice('export')}."
        ) from error


def package_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return the installed versions of distributions, without local parts such as ``+cpu``."""
    return {name: version(name).split("+")[0] for name in names}
