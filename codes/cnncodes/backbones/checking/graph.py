"""Checks of a network's graph against its card: weights, normalisation, and the file of maps."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnncodes.backbones.channels import ORDERS, name_order
from cnncodes.backbones.checking.codes import expect
from cnncodes.backbones.graphs.dense import DENSE_FILE
from cnncodes.backbones.running.starting import CPU, start_session
from cnncodes.backbones.session import Backbone

if TYPE_CHECKING:
    from cnncodes.backbones.graphs.starts import Start


def check_graph(backbone: Backbone) -> list[str]:
    """Compare the graph with the card, where ONNX is there: operator set, weights, what it does to pixels."""
    if find_spec("onnx") is None:
        return []
    import onnx

    model = onnx.load_from_string(backbone.model_bytes())
    return [*_check_opset(model, backbone), *_check_weights(model, backbone), *_check_start(model, backbone)]


def _check_opset(model: Any, backbone: Backbone) -> list[str]:
    found = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), None)
    said = backbone.card.opset
    expect(found == said, backbone, f"it is of operator set {found}, and its card says {said}")
    return ["operator set"]


def _check_weights(model: Any, backbone: Backbone) -> list[str]:
    """Compare the graph's trainable weights with the card's, where the card says which."""
    from cnncodes.backbones.graphs.initializers import summarize_weights

    expected = backbone.card.weights
    if expected is None:
        return []
    found = summarize_weights(model)
    expect(
        found == expected,
        backbone,
        f"it has {found.count} trainable weights of {found.numbers} numbers, and its card says"
        f" {expected.count} of {expected.numbers}, or others by name",
    )
    return ["trainable weights"]


def _check_start(model: Any, backbone: Backbone) -> list[str]:
    """Compare what the graph does to pixels first with what the card says of it, where it can be told."""
    from cnncodes.backbones.graphs.starts import follow_start

    card = backbone.card
    starts = [start for start in follow_start(model.graph)]
    scale, offset = 1 / np.asarray(card.std), -np.asarray(card.mean) / np.asarray(card.std)
    # The network itself may go on with steps of the same kind: one of the places has to be the card's.
    order = ORDERS[card.channels]
    if any(start.order == order and _is_near(start, scale, offset) for start in starts):
        return ["normalisation"]
    last = starts[-1]
    if not last.is_ready or not last.scale.all():
        return []
    mean, std = -last.offset / last.scale, 1 / last.scale
    ours, theirs = "", ""
    if last.order != order:
        ours, theirs = f"channels {card.channels}, ", f"{name_order(last.order)}, "
    expect(
        False,
        backbone,
        f"its card says {ours}mean {_numbers(card.mean)} and std {_numbers(card.std)}, and the graph has"
        f" {theirs}{_numbers(mean)} and {_numbers(std)}: the graph decides, so the card is wrong",
    )
    return []


def _is_near(start: Start, scale: Any, offset: Any) -> bool:
    near = np.allclose(start.scale, scale, rtol=1e-4, atol=0)
    return near and np.allclose(start.offset, offset, rtol=1e-4, atol=1e-4)


def _numbers(values: Any) -> str:
    return ", ".join(f"{float(value):g}" for value in values)


def check_dense(path: Path, backbone: Backbone) -> str:
    """Compare the dense file with the form that is made of the network now, on an image above its size."""
    from cnncodes.backbones.graphs.maps import run_model

    frame = backbone.frame
    image = np.random.default_rng(2).integers(
        0, 256, (1, frame.height + 32, frame.width + 64, 3), dtype=np.uint8
    )
    expected = backbone.dense().run(image)
    session = start_session(path.read_bytes(), f"{DENSE_FILE} of {backbone.card.name!r}", CPU, 1)
    found = run_model(session, image)
    same = found.shape == expected.shape and np.allclose(
        found, expected, rtol=1e-4, atol=1e-5 * float(np.abs(expected).max())
    )
    expect(same, backbone, f"{DENSE_FILE} gives other maps than the network")
    return f"the maps of {DENSE_FILE}"
