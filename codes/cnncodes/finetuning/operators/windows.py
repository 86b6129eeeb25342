"""How windows lie on an image: padding by numbers or by a word, and overhanging last windows."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from cnncodes.finetuning.operators.registry import Node


@dataclass(frozen=True)
class Windows:
    """The windows of a convolution or pooling.

    Attributes
    ----------
    kernel, strides, dilations : tuple of int
        By axis.
    auto_pad : str
    pads : tuple of int
        At the beginning of each axis, then at the end of each.
    ceil : bool
        Whether a last window may hang over.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    auto_pad: str
    pads: tuple[int, ...]
    ceil: bool = False

    @classmethod
    def of(cls, node: Node, kernel: tuple[int, ...]) -> Windows:
        """Return those of a node."""
        axes = len(kernel)
        word = node.get("auto_pad", "NOTSET")
        if word not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
            raise node.refuse(f"auto_pad is {word!r}, which ONNX does not have")
        return cls(
            kernel,
            tuple(node.get("strides", (1,) * axes)),
            tuple(node.get("dilations", (1,) * axes)),
            word,
            tuple(node.get("pads", (0,) * 2 * axes)) if word == "NOTSET" else (0,) * 2 * axes,
            bool(node.get("ceil_mode", 0)),
        )

    @property
    def symmetric(self) -> tuple[int, ...] | None:
        """The padding by axis, where it is known, equal at both ends, and no window hangs over."""
        begin, end = self.pads[: len(self.kernel)], self.pads[len(self.kernel) :]
        fixed = self.auto_pad in ("NOTSET", "VALID") and not self.ceil
        return begin if fixed and begin == end else None

    def spans(self) -> list[int]:
        """Return how long each window is, by axis."""
        return [(size - 1) * step + 1 for size, step in zip(self.kernel, self.dilations, strict=True)]

    def padding(self, sizes: tuple[int, ...], *, cuts: bool = False) -> list[tuple[int, int]]:
        """Return what is padded at both ends of each axis, for an image of such sizes.

        Where windows are shorter than their steps, less than nothing can be needed. ONNX Runtime's poolings
        then cut the image (`cuts`), its convolutions leave it.
        """
        count, found = len(self.kernel), []
        for axis, (size, span, stride) in enumerate(zip(sizes, self.spans(), self.strides, strict=True)):
            begin, end = self.pads[axis], self.pads[count + axis]
            if self.auto_pad.startswith("SAME"):
                total = (-(-size // stride) - 1) * stride + span - size
                total = total if cuts else max(total, 0)
                # Towards zero, as C divides.
                begin = int((total + (self.auto_pad == "SAME_LOWER")) / 2)
                end = total - begin
            found.append((begin, end))
        return found

    def overhang(self, sizes: tuple[int, ...], padding: list[tuple[int, int]]) -> list[int]:
        """Return by how much the last window reaches beyond what is padded; never one that starts there."""
        found = []
        for size, (begin, end), span, stride in zip(sizes, padding, self.spans(), self.strides, strict=True):
            last = size + begin + end - span
            steps = -(-last // stride)
            if steps * stride >= size + begin:
                steps -= 1
            found.append(max(steps * stride - last, 0) if self.ceil else 0)
        return found


def pad_ends(x: Tensor, padding: list[tuple[int, int]], value: float = 0.0) -> Tensor:
    """Return an image with its last axes padded."""
    if not any(map(any, padding)):
        return x
    # From the last axis to the first, as torch wants it.
    return F.pad(x, [length for pair in reversed(padding) for length in pair], value=value)
