"""From a torch network to an ONNX graph: uint8 images in, codes out, the normalisation inside."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from cnncodes.backbones.channels import ORDERS
from cnncodes.backbones.exporting.originals import Original
from cnncodes.backbones.exporting.same_padding import mark_same_padding
from cnncodes.backbones.frame import Frame
from cnncodes.backbones.graphs.canonical import make_canonical, serialize
from cnncodes.backbones.graphs.initializers import STATISTICS
from cnncodes.backbones.running.quiet import quiet_logging
from cnncodes.errors import BackboneError

OPSET = 18


def trace_network(original: Original, net: Any, *, fixed: bool = False) -> bytes:
    """Return a network's ONNX graph; the same network gives the same bytes.

    Parameters
    ----------
    original : Original
    net : torch.nn.Module
        Without its classifier.
    fixed : bool
        Take images of the frame's size alone; else the graph takes any, as far as the exporter knows.

    Raises
    ------
    BackboneError
        If the exporter cannot follow it.
    """
    import torch

    frame, dynamic = original.frame, torch.export.Dim.DYNAMIC
    sides = {} if fixed else {1: dynamic, 2: dynamic}
    # Height and width differ, and the batch is above 1, lest the exporter takes them for equal or fixed.
    width = frame.width if fixed else frame.width + 32
    translations = mark_same_padding(net)
    with _quiet_exporter(), _saying_why():
        program = torch.onnx.export(
            _wrap(original, net),
            (torch.zeros(2, frame.height, width, 3, dtype=torch.uint8),),
            dynamo=True,
            optimize=False,  # the optimiser folds batch normalisation into the convolutions
            input_names=["image"],
            output_names=["code"],
            dynamic_shapes={"image": {0: dynamic, **sides}},
            opset_version=OPSET,
            custom_translation_table=translations,
            verbose=False,
        )
        model = make_canonical(
            program.model_proto, parameters=list_weights(net), prefix="net.", fixed=_sides(frame, fixed)
        )
        return serialize(model)


def list_weights(net: Any) -> list[str]:
    """Return the names of what was trained: parameters, and the statistics of batch normalisation."""
    statistics = [name for name, _ in net.named_buffers() if name.endswith(STATISTICS)]
    return [*(name for name, _ in net.named_parameters()), *statistics]


def _sides(frame: Frame, fixed: bool) -> tuple[int, int] | None:
    return (frame.height, frame.width) if fixed else None


def _wrap(original: Original, net: Any) -> Any:
    import torch

    def constant(values: Sequence[float]) -> Any:
        if len(set(values)) == 1:
            return values[0]
        return torch.tensor(values, dtype=torch.float32).reshape(3, 1, 1)

    _simplify_pooling(net)

    class Coder(torch.nn.Module):  # type: ignore[misc]
        """From uint8 NHWC images to codes."""

        def __init__(self) -> None:
            super().__init__()
            self.net = net
            # The exporter calls values after operators, too: "mean" would be there twice.
            self.subtracted, self.divisor = constant(original.mean), constant(original.std)
            self.order = torch.tensor(ORDERS[original.channels])

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            # Contiguous, or the exporter keeps the strides that NHWC left by operators of its own.
            pixels = image.permute(0, 3, 1, 2)
            if original.channels != "rgb":
                pixels = torch.index_select(pixels, 1, self.order)
            pixels = pixels.to(torch.float32, memory_format=torch.contiguous_format)
            pixels = (pixels - self.subtracted) / self.divisor
            if not original.features:
                codes: torch.Tensor = self.net(pixels)
                return codes
            features: torch.Tensor = getattr(self.net, original.features)(pixels)
            return features.mean((2, 3))

    return Coder().eval()


def _simplify_pooling(net: Any) -> None:
    """Replace adaptive pooling to one cell by the mean that it is.

    Where its input is laid out as channels last, the exporter would give it the strides of its output by
    gathering every number.
    """
    import torch

    class Mean(torch.nn.Module):  # type: ignore[misc]
        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            return maps.mean((-2, -1), keepdim=True)

    for name, module in list(net.named_modules()):
        if isinstance(module, torch.nn.AdaptiveAvgPool2d) and module.output_size in (1, (1, 1)):
            net.set_submodule(name, Mean())


@contextlib.contextmanager
def _saying_why() -> Iterator[None]:
    """Say in one line why the exporter gives up: it gives pages, the reason last."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith("torch."):
            raise
        cause = error.__cause__ or error
        lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
        reason = lines[0].partition(" (unhinted")[0][:200].rstrip(".") if lines else type(cause).__name__
        steps = re.findall(r'File "(?:[^"]*[/\\])?([^"/\\]+)", line (\d+), in forward', str(cause))
        where = f" ({steps[-1][0]}, line {steps[-1][1]})" if steps else ""
        raise BackboneError(
            f"torch.export cannot follow what it computes: {reason}{where}. Its steps must not depend on the"
            " values of the images, as with 'if x.sum() > 0' or x.item(): torch.where can stand for that."
        ) from error


@contextlib.contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep back what torch says of its own workings: what it deprecates, and tries in vain."""
    unread = io.StringIO()  # of a network that it cannot follow it prints the whole graph
    with (
        quiet_logging(),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(unread),
        contextlib.redirect_stderr(unread),
    ):
        warnings.simplefilter("ignore")
        yield
