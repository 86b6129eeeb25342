"""Codes of an original torch network: what an export is measured against.

Written apart from the export's own wrapper, and run on the network while it still has its classifier:
a fault in one must show in the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.cutting import Cut, find_cut, run_to_cut
from cnncodes.backbones.originals import Original, find_original
from cnncodes.backbones.parity import Codes

#: Images in one call: large ones with attention between all their parts take gigabytes.
_BATCH = 4


@dataclass(frozen=True)
class Reference:
    """An original network with its classifier.

    Attributes
    ----------
    original : Original
    net : torch.nn.Module
    cut : Cut, optional
        Where its codes are caught; None where a method of the network gives them.
    """

    original: Original
    net: Any
    cut: Cut | None

    @classmethod
    def make(cls, original: Original) -> Reference:
        """Make the network and find its classifier."""
        net = original.make()
        if original.features:
            return cls(original, net, None)
        return cls(original, net, find_cut(net, make_example(original), headless=original.headless))

    @property
    def layer(self) -> str:
        """The layer whose activations are the code, in words."""
        return self.cut.layer if self.cut else self.original.layer

    def run(self, images: npt.NDArray[np.uint8], *, std_factor: float = 1.0) -> Codes:
        """Return the codes of images; with another factor than 1 they are normalised in a wrong way."""
        parts = [images[start : start + _BATCH] for start in range(0, len(images), _BATCH)]
        return np.concatenate([self._run(part, std_factor) for part in parts])

    def _run(self, images: npt.NDArray[np.uint8], std_factor: float) -> Codes:
        import torch

        pixels = images.astype(np.float32) - np.asarray(self.original.mean, np.float32)
        pixels /= np.asarray(self.original.std, np.float32) * np.float32(std_factor)
        tensor = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())
        with torch.inference_mode():
            if self.cut is not None:
                codes: Codes = run_to_cut(self.net, self.cut, tensor).numpy()
                return codes
            maps = getattr(self.net, self.original.features)(tensor)
            codes = maps.numpy().mean(axis=(2, 3), dtype=np.float64)
        return codes

    def run_controls(self, images: npt.NDArray[np.uint8]) -> dict[str, Codes]:
        """Return codes of the network fed in wrong ways, none of which may pass for the right one."""
        return {
            "swapped channels": self.run(images[..., ::-1]),
            "wrong standard deviation": self.run(images, std_factor=0.9),
        }


def make_example(original: Original) -> Any:
    """Return one image as the network takes it: noise."""
    import torch

    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, 3, original.frame.height, original.frame.width, generator=generator)


def find_reference(name: str, address: str | None, random_state: int | None) -> Reference:
    """Make the original of a backbone again, by what its card says."""
    return Reference.make(find_original(address or name, random_state))
