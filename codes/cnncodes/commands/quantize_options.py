"""The options of ``cnncodes models quantize``."""

from __future__ import annotations

from dataclasses import dataclass

from cnncodes.commands import common
from cnncodes.schema import option


@dataclass(frozen=True, kw_only=True)
class QuantizeOptions(common.DecodingOptions):
    """Options of ``cnncodes models quantize``."""

    name: str = option(
        "A name from 'cnncodes models list', a folder with a card, or a saved classifier, which then gets a"
        " second one with that network."
    )
    calibrate: str | None = option(
        "Images that the ranges of the network's values are measured on, like those it is to meet. Of a"
        " source with parts, 'train' is taken.",
        default=None,
        metavar="SRC",
    )
    out: str | None = option(
        "Folder for the network with its further file, or file of the further classifier. [the network's own"
        " folder; for those that come with cnncodes, a copy in your folder of models; NAME-int8.cnncodes]",
        default=None,
        short="-o",
        metavar="PATH",
    )
    precision: str = option(
        "int8 for CPUs, fp16 for GPUs; bf16 cannot be made.", default="int8", choices=("int8", "fp16", "bf16")
    )
    images: int = option("Images to calibrate on.", default=512, metavar="N", check=common.check_positive)
    activations: str = option(
        "Type of the 8-bit activations; 'auto' tries both and keeps the faster.",
        default="auto",
        choices=("auto", "uint8", "int8"),
    )
    compare: str | None = option(
        "Images that codes, and the accuracy of a head, are compared on; with labels, 2,000 or more of them."
        " [those of --calibrate]",
        default=None,
        metavar="SRC",
    )
