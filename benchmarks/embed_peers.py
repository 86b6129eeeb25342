"""What `embed.py` compares with: other ways from JPEG files to codes of EfficientNet-Lite0, the same weights.

Each takes paths and returns codes, shape (n_images, 1280).
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image

Codes = np.ndarray[Any, Any]


@cache
def make_network() -> Any:
    """Return the network without its classifier, ready to run."""
    import torch

    from cnncodes.backbones.exporting.sources import find_original

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = find_original("efficientnet-lite0").make()

        def forward(self, pixels: Any) -> Any:
            return self.net.extract_features(pixels).mean((2, 3))

    return Pooled().eval()


@cache
def make_transform() -> Any:
    """Return what the usual scripts do: shorter side 256, bicubic, central 224, normalised."""
    import torch
    from torchvision import transforms

    return transforms.Compose(
        [
            transforms.Resize(256, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.PILToTensor(),
            transforms.ConvertImageDtype(torch.float32),
            transforms.Normalize([127 / 255] * 3, [128 / 255] * 3),
        ]
    )


def _load(path: Path) -> Any:
    return make_transform()(Image.open(path).convert("RGB"))


def _load_all(paths: Sequence[Path]) -> Any:
    import torch

    return torch.stack([_load(path) for path in paths])


def run_one_by_one(paths: Sequence[Path]) -> Codes:
    """The usual script: torch, one image at a time, all of its threads."""
    import torch

    net = make_network()  # made outside, or its weights could not be trained by those who would
    with torch.inference_mode():
        return np.concatenate([net(_load(path)[None]).numpy() for path in paths])


def run_data_loader(paths: Sequence[Path], *, workers: int, batch_size: int) -> Codes:
    """A DataLoader with worker processes, batches, channels last."""
    import torch

    # A list of paths is a dataset; what loads them is where they are put together.
    loader = torch.utils.data.DataLoader(
        [*paths], collate_fn=_load_all, batch_size=batch_size, num_workers=workers
    )
    net = make_network().to(memory_format=torch.channels_last)
    with torch.inference_mode():
        found = [net(batch.to(memory_format=torch.channels_last)).numpy() for batch in loader]
    net.to(memory_format=torch.contiguous_format)
    return np.concatenate(found)


@cache
def _start_default() -> Any:
    import onnxruntime

    from cnncodes import load_backbone

    return onnxruntime.InferenceSession(load_backbone().model_bytes())


def run_default_runtime(paths: Sequence[Path], *, batch_size: int) -> Codes:
    """ONNX Runtime with its defaults: one session of all cores, pictures decoded in between."""
    from torchvision import transforms

    crop = transforms.Compose(
        [transforms.Resize(256, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224)]
    )
    found = []
    for start in range(0, len(paths), batch_size):
        part = [
            np.asarray(crop(Image.open(path).convert("RGB"))) for path in paths[start : start + batch_size]
        ]
        found += _start_default().run(["code"], {"image": np.stack(part)})
    return np.concatenate(found)


@cache
def _make_embetter() -> Any:
    import timm
    from embetter.vision import TimmEncoder

    real = timm.create_model

    def create(name: str, **_: Any) -> Any:  # its configuration is timm's, its weights those of all others
        net = make_network()
        net.pretrained_cfg = real(name, pretrained=False).pretrained_cfg
        return net

    with mock.patch("timm.create_model", create):
        return TimmEncoder("tf_efficientnet_lite0")


def run_embetter(paths: Sequence[Path]) -> Codes:
    """embetter's TimmEncoder, as its documentation has it."""
    return np.asarray(_make_embetter().transform([Image.open(path).convert("RGB") for path in paths]))


def list_peers() -> dict[str, Callable[[Sequence[Path]], Codes]]:
    """Return the peers that can run here, by name."""
    peers: dict[str, Callable[[Sequence[Path]], Codes]] = {
        "torch, one image at a time": run_one_by_one,
        "ONNX Runtime's defaults, one at a time": lambda paths: run_default_runtime(paths, batch_size=1),
        "ONNX Runtime's defaults, batches of 8": lambda paths: run_default_runtime(paths, batch_size=8),
    }
    for workers, batch_size in ((1, 8), (2, 8), (2, 32)):
        name = f"torch DataLoader, {workers} workers, batches of {batch_size}"
        peers[name] = lambda paths, w=workers, b=batch_size: run_data_loader(  # type: ignore[misc]
            paths, workers=w, batch_size=b
        )
    if importlib.util.find_spec("embetter") is not None:
        peers["embetter TimmEncoder"] = run_embetter
    return peers


if __name__ == "__main__":
    argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="A part of embed.py, which is run instead."
        " Needs the extra export (torch, torchvision), and embetter if it is to be among them.",
    ).parse_args()
