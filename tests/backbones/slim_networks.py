"""Published networks as most tests want them: of fewer equal layers, or narrower, and fed with small images.

What they are made of stays: each operator, each kind of block and how blocks are joined. How long an export
takes hangs on how often they come, and on classifiers of a hundred million weights.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from cnncodes.backbones.exporting.originals import Original
from cnncodes.backbones.exporting.resizing import resize_original
from cnncodes.backbones.exporting.sources import find_original
from cnncodes.backbones.exporting.weights import randomise

#: How wide the hidden layers of a classifier are that has 4,096 as it is published.
WIDTH = 256


def narrow_classifier(net: Any, size: int | None = None) -> Any:
    """Make the two hidden layers of AlexNet's or VGG's classifier narrow; `size` is that of its input."""
    from torch import nn

    places = [place for place, layer in enumerate(net.classifier) if isinstance(layer, nn.Linear)]
    size = size or net.classifier[places[0]].in_features
    for place in places:
        assert net.classifier[place].out_features == (1000 if place == places[-1] else 4096)
        net.classifier[place] = nn.Linear(size, 1000 if place == places[-1] else WIDTH)
        size = WIDTH
    return net


def narrow_vgg(net: Any) -> Any:
    """Return a VGG of 11 layers, each with a quarter of its channels."""
    from torchvision.models.vgg import make_layers

    net.features = make_layers([16, "M", 32, "M", 64, 64, "M", 128, 128, "M", 128, 128, "M"], batch_norm=True)
    return narrow_classifier(net, 128 * 7 * 7)


def shorten_densenet(net: Any) -> Any:
    """Return a DenseNet of all four blocks, with a few layers each."""
    from torchvision.models import DenseNet

    return DenseNet(32, (2, 3, 4, 3), 64)


def shorten_resnet(net: Any) -> Any:
    """Leave two blocks of each stage: the first, which halves the map, and one that does not."""
    for name in ("layer1", "layer2", "layer3", "layer4"):
        setattr(net, name, getattr(net, name)[:2])
    return net


def shorten_efficientnet(net: Any) -> Any:
    for place in range(1, 8):  # between the first convolution and the last
        net.features[place] = net.features[place][:2]
    return net


def shorten_timm_efficientnet(net: Any) -> Any:
    for place, stage in enumerate(net.blocks):
        net.blocks[place] = stage[:2]
    return net


def shorten_convnext(net: Any) -> Any:
    for place in (1, 3, 5, 7):  # every other one makes the map smaller
        net.features[place] = net.features[place][:2]
    return net


def shorten_timm_convnext(net: Any) -> Any:
    net.stages[2].blocks = net.stages[2].blocks[:3]
    return net


def shorten_vit(net: Any) -> Any:
    net.encoder.layers = net.encoder.layers[:3]
    return net


def shorten_swin(net: Any) -> Any:
    net.features[5] = net.features[5][:2]  # one with windows as they are, one with shifted ones
    return net


def shorten_timm_vit(net: Any) -> Any:
    net.blocks = net.blocks[:3]
    return net


SLIM: dict[str, Callable[[Any], Any]] = {
    "torchvision:alexnet": narrow_classifier,
    "torchvision:vgg11_bn": narrow_vgg,
    "torchvision:resnet50": shorten_resnet,
    "torchvision:densenet121": shorten_densenet,
    "torchvision:efficientnet_b0": shorten_efficientnet,
    "torchvision:convnext_tiny": shorten_convnext,
    "torchvision:vit_b_16": shorten_vit,
    "torchvision:swin_t": shorten_swin,
    "timm:tf_efficientnet_lite2": shorten_timm_efficientnet,
    "timm:vit_small_patch14_dinov2": shorten_timm_vit,
    "timm:convnext_nano": shorten_timm_convnext,
}
#: Height and width of the images, where they are not those that the network was published for.
SIZES = {
    "torchvision:resnet50": 128,
    "torchvision:densenet121": 128,
    "torchvision:mobilenet_v2": 128,
    "torchvision:efficientnet_b0": 128,
    "torchvision:convnext_tiny": 128,
    "torchvision:regnet_y_400mf": 128,
    "timm:vit_small_patch14_dinov2": 112,
    "timm:tf_efficientnet_lite0": 128,
    "timm:tf_efficientnet_lite2": 128,
    "timm:mobilenetv4_conv_small": 128,
    "timm:convnext_nano": 128,
}


def find_slim(address: str, random_state: int | None) -> Original:
    """Return a published network of random weights, slim where it is one of these."""
    original = find_original(address, random_state)
    if address in SLIM:
        published = original.make

        def make() -> Any:
            net = SLIM[address](published()).eval()
            randomise(net, random_state or 0)
            return net

        original = dataclasses.replace(original, make=make)
    return resize_original(original, SIZES[address]) if address in SIZES else original
