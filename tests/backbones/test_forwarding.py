"""Networks that cannot be run on a batch of images: told in one line, with what was expected."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cnncodes.errors import BackboneError

pytestmark = pytest.mark.slow


def make(kind: str) -> Any:
    """Return a network that is wrong in one respect, and takes images of 64 x 64 else."""
    import torch
    from torch import nn

    class Wrong(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            planes = 1 if kind == "gray" else 3
            self.body = nn.Sequential(nn.Conv2d(planes, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
            self.fc = nn.Linear(4, 5)

        def forward(self, pixels: torch.Tensor) -> Any:
            if kind == "raises":
                raise KeyError("no \n luck")
            if kind == "alone" and len(pixels) > 1:
                raise AssertionError("one alone")
            print("to stderr")
            return self.fc(self.body(pixels))

    class Two(Wrong):
        def forward(self, left: torch.Tensor, right: torch.Tensor) -> Any:
            return super().forward(left + right)

    class Optional(Wrong):
        def forward(self, pixels: torch.Tensor, mask: Any = None, *, deep: bool = False) -> Any:
            return super().forward(pixels)

    class No(Wrong):
        def forward(self) -> Any:
            return self.fc(torch.zeros(1, 4))

    if kind == "size":
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 30 * 30, 5))
    return {"two": Two, "optional": Optional, "no": No}.get(kind, Wrong)().eval()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("two", "forward() of Two takes left, right: expected one input, a batch of images. Put the"),
        ("no", "forward() of No takes no input: expected one input, a batch of images."),
        ("gray", "It takes images of 1 channel, and of 3 (RGB) are expected: put it into a module that"),
        ("size", "fails on images of 1 x 3 x 64 x 64: RuntimeError: mat1 and mat2 shapes cannot be"),
        ("size", "of that size: correct the network, or height and width where it is said how images are"),
        ("raises", "fails on images of 1 x 3 x 64 x 64: KeyError: 'no"),
    ],
)
def test_what_takes_no_batch_of_images_is_refused_in_one_line(kind: str, words: str) -> None:
    import torch

    from cnncodes.backbones.exporting.cutting import find_cut

    with pytest.raises(BackboneError, match=re.escape(words)) as caught:
        find_cut(make(kind), torch.zeros(1, 3, 64, 64))
    assert "\n" not in str(caught.value)


def test_what_takes_one_image_alone_is_told_by_the_batch(capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    from cnncodes.backbones.exporting.cutting import find_cut, run_to_cut

    net = make("alone")
    cut = find_cut(net, torch.zeros(1, 3, 64, 64))
    with pytest.raises(BackboneError, match="fails on images of 4 x 3 x 64 x 64: AssertionError: one alone"):
        run_to_cut(net, cut, torch.zeros(4, 3, 64, 64))
    said = capsys.readouterr()
    assert said.out == "" and "to stderr" in said.err


def test_further_inputs_that_may_be_left_out_are_no_fault() -> None:
    import torch

    from cnncodes.backbones.exporting.cutting import find_cut

    assert find_cut(make("optional"), torch.zeros(1, 3, 64, 64)).module == "fc"
