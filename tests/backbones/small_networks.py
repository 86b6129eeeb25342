"""Small torch networks, each with a classifier of its own kind, and what is known of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from cnncodes.backbones.exporting.originals import Original
from cnncodes.backbones.exporting.weights import randomise
from cnncodes.backbones.frame import Frame

MEAN, STD = (123.0, 116.0, 103.0), (58.0, 57.0, 59.0)


def _body(width: int = 8) -> list[nn.Module]:
    return [nn.Conv2d(3, width, 3, stride=2), nn.BatchNorm2d(width), nn.ReLU()]


class Unlike(nn.Module):
    """Gives what no layer of it gives: the sum of two classifiers, as distilled transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(*_body(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.one, self.two = nn.Linear(8, 5), nn.Linear(8, 5)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        code = self.body(pixels)
        return self.one(code) + self.two(code)


class Rigid(nn.Module):
    """Refuses other sizes than 64 x 64."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(*_body(), nn.Flatten(), nn.Linear(8 * 31 * 31, 16), nn.Linear(16, 5))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        assert pixels.shape[2:] == (64, 64), "wrong size"
        return self.net(pixels)


class Headed(nn.Module):
    """A body and a classifier, for networks that go from one to the other in ways of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(*_body(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(8, 5)


class Drifting(Headed):
    """Computes something else while it is exported."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        code = self.body(pixels)
        return self.fc(code * 1.01 if torch.compiler.is_exporting() else code)


class Deciding(Headed):
    """Computes one thing or another, as the values of the images are."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        code = self.body(pixels)
        if code.sum() > 0:
            code = code * 2
        return self.fc(code)


class Measuring(Headed):
    """Reckons with the size of its images."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.fc(self.body(pixels) * (pixels.shape[3] / pixels.shape[2]))


class Functional(nn.Module):
    """Has a ReLU between convolutions that no module of it gives."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, stride=2), nn.Conv2d(8, 6, 3)
        self.rest = nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(6, 5)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.fc(self.rest(self.two(torch.relu(self.one(pixels)))))


class Twice(nn.Module):
    """Calls its last layer twice."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(*_body(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(8, 8)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.fc(self.fc(self.body(pixels)))


NETWORKS: dict[str, Any] = {
    "linear": lambda: nn.Sequential(
        *_body(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(8, 5)
    ),
    "hidden": lambda: nn.Sequential(
        *_body(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 12), nn.Hardswish(), nn.Linear(12, 5)
    ),
    "convolution": lambda: nn.Sequential(
        *_body(), nn.Conv2d(8, 5, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ),
    # Gives the same whatever all pixels are multiplied by.
    "grouped": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, bias=False),
        nn.GroupNorm(2, 8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    ),
    # What enters the classifier has negative values, which the ReLU after it would take from the code.
    "signed": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.Conv2d(8, 5, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ),
    "grid": lambda: nn.Sequential(
        *_body(), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(72, 16), nn.ReLU(), nn.Linear(16, 5)
    ),
    "headless": lambda: nn.Sequential(*_body(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    "map": lambda: nn.Sequential(*_body()),
    "none": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    "unlike": Unlike,
    "rigid": Rigid,
    "drifting": Drifting,
    "deciding": Deciding,
    "measuring": Measuring,
    "functional": Functional,
    "twice": Twice,
}


def make_network(kind: str, random_state: int = 0) -> Any:
    """Return a small network with random weights."""
    net = NETWORKS[kind]().eval()
    randomise(net, random_state)
    return net


def make_original(kind: str, **changes: Any) -> Original:
    """Return what is known of a small network, as if it had been published."""
    values: dict[str, Any] = {
        "name": kind,
        "description": "small",
        "licence": "Apache-2.0",
        "packages": ("torch",),
        "make": lambda: make_network(kind),
        "mean": MEAN,
        "std": STD,
        "frame": Frame(64, 64, 72),
        "weights": "random",
        "headless": kind == "headless",
    }
    return Original(**{**values, **changes})
