"""Codes of an original network: what an export is measured against.

Written apart from the export's own wrapper, and run on the network while it still has its classifier:
a fault in one must show in the other.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.channels import ORDERS
from cnncodes.backbones.checking.parity import WRONG_STD, Codes
from cnncodes.backbones.exporting.cutting import Cut, cut_off, find_cut, run_to_cut
from cnncodes.backbones.exporting.originals import Original
from cnncodes.backbones.exporting.weights import find_unread
from cnncodes.backbones.graphs.canonical import free_sides
from cnncodes.backbones.graphs.picks import Pick
from cnncodes.errors import BackboneError

Images = npt.NDArray[np.uint8]

#: Images in one call: large ones with attention between all their parts take gigabytes.
_BATCH = 4


class Reference(Protocol):
    """An original network: its codes, and its graph."""

    @property
    def original(self) -> Original:
        """What is known of it."""

    @property
    def layer(self) -> str:
        """The layer whose activations are the code, in words."""

    @property
    def weights(self) -> str:
        """Which weights these are, in words, with their sha256; empty where a distribution has them."""

    @property
    def takes_one_size(self) -> bool:
        """Whether it is known that the graph takes the frame's size alone."""

    def run(self, images: Images, *, std_factors: Sequence[float] = (1.0,)) -> Codes:
        """Return the codes of images; with other factors than 1 they are normalised in a wrong way."""

    def observe(
        self, images: Images, pick: Pick, *, std_factors: Sequence[float] = (1.0,)
    ) -> dict[str, Codes]:
        """Return what it gives within, pooled as the pick says, by where that is; of a file, the layers'."""

    def cut_off(self) -> None:
        """Remove the classifier for good; `run` and `observe` are of no use any more.

        Raises
        ------
        BackboneError
            If the network then gives something else than what entered it.
        """

    def trace(self, *, fixed: bool = False) -> bytes:
        """Return the graph, after `cut_off`; `fixed`: for images of the frame's size alone."""

    def trace_quickly(self) -> bytes | None:
        """Return the graph of the frame's size as if it took any; None where `trace` is as quick."""

    def check_weights(self, trainable: list[str], kept: set[str]) -> None:
        """Raise unless what a graph's names say of its weights is what the network says of its parameters."""


def check_finite(original: Original, codes: Codes) -> None:
    """Raise `BackboneError` where a network gives what is no number for photos."""
    good = np.isfinite(codes).all(axis=1)
    if not good.all():
        raise BackboneError(
            f"{original.name!r} gives codes that are not finite for {int((~good).sum())} of {len(codes)}"
            " photos: it divides by 0, or takes a root or logarithm of what is below it."
        )


def run_controls(reference: Reference, images: Images) -> dict[str, Codes]:
    """Return codes of a network fed in wrong ways, none of which may pass for the right one."""
    return feed_wrongly(reference.run, images)


def feed_wrongly(run: Callable[..., Any], images: Images) -> dict[str, Any]:
    """Return what a network gives for images that are fed in wrong ways, by what is wrong."""
    return {
        "swapped channels": run(images[..., ::-1]),
        "wrong standard deviation": run(images, std_factors=WRONG_STD),
    }


def pool_places(values: npt.NDArray[Any], pool: str) -> dict[str, Codes]:
    """Return the vectors that a tensor of places gives when pooled, by where its channels may stand."""
    ways: dict[int, dict[str, tuple[int, ...]]] = {
        2: {"": ()},
        3: {"": (1,)},
        4: {"": (2, 3), ", channels last": (1, 2)},
    }
    found = {}
    for where, axes in ways.get(values.ndim, {}).items():
        kinds = ("mean", "max") if pool == "both" and axes else (pool,)
        parts = [values.max(axis=axes) if kind == "max" else values.mean(axis=axes) for kind in kinds]
        found[where] = np.concatenate(parts, axis=1) if axes else values
    return found


def normalise(images: Images, original: Original, std_factors: Sequence[float]) -> npt.NDArray[np.float32]:
    """Return images as their network takes them, channels first."""
    ordered = images[..., list(ORDERS[original.channels])]
    pixels = ordered.astype(np.float32) - np.asarray(original.mean, np.float32)
    pixels /= np.asarray(original.std, np.float32) * np.asarray(std_factors, np.float32)
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


@dataclass(frozen=True)
class TorchReference:
    """An original torch network with its classifier.

    Attributes
    ----------
    original : Original
    net : torch.nn.Module
    cut : Cut, optional
        Where its codes are caught; None where a method of the network gives them.
    sha256 : str
        Of its weights, see `hash_weights`.
    """

    original: Original
    net: Any
    cut: Cut | None
    sha256: str = ""

    @classmethod
    def make(cls, original: Original, net: Any) -> TorchReference:
        """Find the network's classifier."""
        if original.features:
            return cls(original, net, None)
        cut = find_cut(net, make_example(original), headless=original.headless)
        _check_unread(net, cut)
        return cls(original, net, cut, hash_weights(net))

    @property
    def weights(self) -> str:
        """Which weights these are: pinned by the hash of their checkpoint, or of their values."""
        said = self.original.weights
        if not said or "sha256" in said or self.original.random_state is not None:
            return said
        return f"{said}, values sha256 {self.sha256}"

    @property
    def layer(self) -> str:
        """The layer whose activations are the code, in words."""
        return self.cut.layer if self.cut else self.original.layer

    @property
    def takes_one_size(self) -> bool:
        """Whether it brings every size to one grid before linear layers.

        Such a pooling is the identity at the size it was trained at, and no operator of ONNX elsewhere.
        """
        import torch

        pools = [module for module in self.net.modules() if isinstance(module, torch.nn.AdaptiveAvgPool2d)]
        return any(pool.output_size not in (1, (1, 1)) for pool in pools)

    def run(self, images: Images, *, std_factors: Sequence[float] = (1.0,)) -> Codes:
        """Return the codes of images; with other factors than 1 they are normalised in a wrong way."""
        parts = [images[start : start + _BATCH] for start in range(0, len(images), _BATCH)]
        found = []
        for part in parts:
            found.append(self._run(part, std_factors))
            if len(found[-1]) != len(part):
                raise BackboneError(
                    f"{self.original.name!r} gives {len(found[-1])} rows for {len(part)} images: expected one"
                    " an image, whatever their number. Its forward takes a fixed batch, or one of its images."
                )
        return np.concatenate(found)

    def _run(self, images: Images, std_factors: Sequence[float]) -> Codes:
        import torch

        tensor = torch.from_numpy(normalise(images, self.original, std_factors))
        with torch.inference_mode():
            if self.cut is not None:
                codes: Codes = run_to_cut(self.net, self.cut, tensor).numpy()
                return codes
            maps = getattr(self.net, self.original.features)(tensor)
            codes = maps.numpy().mean(axis=(2, 3), dtype=np.float64)
        return codes

    def observe(
        self, images: Images, pick: Pick, *, std_factors: Sequence[float] = (1.0,)
    ) -> dict[str, Codes]:
        """Return what its modules give, pooled as the pick says, by their names; their later calls too."""
        import torch

        seen: dict[str, list[Codes]] = {}
        calls: Counter[str] = Counter()

        def look(name: str, output: Any) -> None:
            calls[name] += 1
            if isinstance(output, torch.Tensor) and output.is_floating_point():
                for where, codes in pool_places(output.numpy(), pick.pool).items():
                    seen.setdefault(f"{name} {calls[name]}{where}", []).append(codes)

        handles = [
            module.register_forward_hook(lambda _, __, output, name=name: look(name, output))
            for name, module in self.net.named_modules()
        ]
        try:
            for start in range(0, len(images), _BATCH):
                calls.clear()
                self._run(images[start : start + _BATCH], std_factors)
        finally:
            for handle in handles:
                handle.remove()
        joined = {name: np.concatenate(parts) for name, parts in seen.items()}
        return {name: codes for name, codes in joined.items() if len(codes) == len(images)}

    def cut_off(self) -> None:
        """Remove the classifier for good, and raise where the network then gives something else."""
        if self.cut is not None:
            cut_off(self.net, self.cut, make_example(self.original))

    def trace(self, *, fixed: bool = False) -> bytes:
        """Return the graph of the network as it is."""
        from cnncodes.backbones.exporting.tracing import trace_network

        return trace_network(self.original, self.net, fixed=fixed)

    def trace_quickly(self) -> bytes | None:
        """Return the graph that the frame's size gives, as if it took any.

        Where no step of the network hangs on the size, it is the very graph that `trace` gives, and the
        exporter need not reckon with sizes that it does not know, which is most of what it does.
        """
        model = self.trace(fixed=True)
        try:
            return free_sides(model)
        except Exception:  # ONNX's checker has several classes: its shapes fit that size alone
            return None

    def check_weights(self, trainable: list[str], kept: set[str]) -> None:
        """Raise unless what a graph's names say of its weights is what the network says of its parameters."""
        parameters = {name for name, _ in self.net.named_parameters()}
        odd = sorted(set(trainable) ^ (parameters & kept))
        if odd:
            raise BackboneError(
                f"the weights of {self.original.name!r} cannot be told from constants by their names:"
                f" {', '.join(odd[:3])}."
            )


def _check_unread(net: Any, cut: Cut) -> None:
    """Raise where a network has a layer that its checkpoint lacks, and that is not cut off."""
    unread = [name for name in find_unread(net) if name != cut.module]
    if unread:
        raise BackboneError(
            f"the checkpoint does not fit the network: it has no weights of {unread[0]!r}, which is no"
            " classifier that is cut off."
        )


def hash_weights(net: Any) -> str:
    """Return the sha256 of a network's weights and buffers: names, types, shapes and values, by name."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(net.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def make_example(original: Original) -> Any:
    """Return one image as the network takes it: noise."""
    import torch

    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, 3, original.frame.height, original.frame.width, generator=generator)
