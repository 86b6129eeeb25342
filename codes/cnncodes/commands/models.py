"""``cnncodes models``: the networks at hand."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnncodes.choices import BACKBONE
from cnncodes.commands.command import Command, Result
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.tables import format_table
from cnncodes.errors import CardError, UsageError, count
from cnncodes.schema import option

_HELP_NAME = "A name from 'cnncodes models list', or a folder with a card."


@dataclass(frozen=True)
class ListOptions:
    """Options of ``cnncodes models list``: none."""


@dataclass(frozen=True)
class NameOptions:
    """Options of ``cnncodes models show``."""

    name: str = option(_HELP_NAME)
    layers: bool = option(
        "List the layers that can serve as a code, with their shapes (extra: report).", default=False
    )
    blocks: bool = option(
        "List the blocks that fine-tuning can unfreeze, with their weights (extra: finetune).", default=False
    )


@dataclass(frozen=True)
class VerifyOptions:
    """Options of ``cnncodes models verify``."""

    name: str = option(_HELP_NAME)
    parity: bool = option("Also compare its codes with the original's (extra: export).", default=False)
    original: str | None = option(
        "Where the original is, with --parity: the address on the card with the folders of its files. [files"
        " of the current folder]",
        default=None,
        metavar="ADDRESS",
    )


def run_list(options: ListOptions, reporter: Reporter) -> Result:
    """List the networks with what their cards say, under the names by which they are found."""
    from cnncodes.backbones.zoo import describe_unreadable, list_backbones

    unreadable = describe_unreadable()
    if unreadable:
        reporter.warn(unreadable)
    return {"models": [_list_one(name) for name in list_backbones()]}


def _list_one(name: str) -> Result:
    from cnncodes.backbones.zoo import find_backbone, find_named

    # By its name alone, even where a folder here has the same.
    folder = find_named(name) or find_backbone(name)
    try:
        return {**_read_card(folder), "name": name}
    except CardError as error:  # one damaged card hides no others
        return {"name": name, "folder": str(folder), "error": str(error)}


def _read_card(name: str | Path) -> Result:
    from cnncodes.backbones.card import Card
    from cnncodes.backbones.zoo import find_backbone

    folder = find_backbone(name)
    card: Any = Card.read(folder / "card.toml")
    return {**plain(dataclasses.asdict(card)), "folder": str(folder)}


def plain(value: Any) -> Any:
    """Return a value as JSON holds it."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def render_list(result: Result) -> str:
    """One line a network."""
    rows = [("name", "code", "licence", "description")]
    rows += [
        (m["name"], "-", "-", f"cannot be used: {m['error']}")
        if "error" in m
        else (m["name"], str(m["code_size"]), m["licence"], _describe(m))
        for m in result["models"]
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    return "\n".join(lines) + "\n"


def _describe(model: Result) -> str:
    """Return a network's description, and before it that its weights are of no use where they are random."""
    random = model["random_state"] is not None
    return f"random weights; {model['description']}" if random else str(model["description"])


def run_show(options: NameOptions, reporter: Reporter) -> Result:
    """Show one network's card, or its layers or blocks."""
    from cnncodes.backbones import load_backbone

    if options.layers and options.blocks:
        raise UsageError("--layers and --blocks are two lists: ask for one.")
    card = _read_card(options.name)
    if options.blocks:
        from cnncodes.finetuning.blocks import list_blocks
        from cnncodes.finetuning.loading import check_trainable
        from cnncodes.finetuning.reading import read_graph

        blocks = list_blocks(read_graph(check_trainable(load_backbone(options.name))))
        return {**card, "blocks": [plain(dataclasses.asdict(block)) for block in blocks]}
    if options.layers:
        from cnncodes.backbones.graphs.picking import list_layers

        backbone: Any = load_backbone(options.name)
        layers = list_layers(backbone.model_bytes(), backbone.card)
        return {**card, "layers": [plain(dataclasses.asdict(layer)) for layer in layers]}
    return card


def render_show(result: Result) -> str:
    """One line an entry, tables indented; or one a layer, or a block."""
    if isinstance(result.get("blocks"), list):
        return _render_blocks(result)
    if isinstance(result.get("layers"), list):
        return _render_layers(result)
    known = {key: value for key, value in result.items() if value not in (None, {})}
    if known.get("seen") is not None:
        known["seen"] = _say_remembered(known["seen"])
    width = max(len(key) for key in known)
    lines = []
    for key, value in known.items():
        if isinstance(value, dict):
            inner = ", ".join(f"{name} {item}" for name, item in value.items())
            lines.append(f"{key.ljust(width)}  {inner}")
        else:
            lines.append(f"{key.ljust(width)}  {value}")
    return "\n".join(lines) + "\n"


def _say_remembered(seen: str) -> str:
    """Return in words of how many images a card remembers that they have tuned the network."""
    from cnncodes.backbones.seen import is_whole, list_seen

    number = len(list_seen(seen))
    return count(number, "image") if is_whole(seen) else f"{number:,} images, a sample where there were more"


def _render_layers(result: Result) -> str:
    rows = [("layer", "made by", "shape", "channels", "")]
    for layer in result["layers"]:
        shape = " x ".join(str(length) for length in layer["shape"])
        mark = "end of a stage" if layer["ends_stage"] else "its own code" if layer["name"] == "code" else ""
        rows.append((layer["name"], layer["operator"], shape, str(layer["channels"]), mark))
    frame = result["frame"]
    return (
        f"{format_table(rows)}\n\nOf {result['name']}, for an image of {frame['height']} x {frame['width']}."
        " Make codes of one, or of several, with --layer.\n"
    )


def _render_blocks(result: Result) -> str:
    """Return the blocks with the share of layers that is trained from each on."""
    rows = [("block", "layers", "weights", "share from here on")]
    total = sum(block["layers"] for block in result["blocks"])
    left = total
    for block in result["blocks"]:
        rows.append((block["name"], str(block["layers"]), f"{block['numbers']:,}", f"{left / total:.2f}"))
        left -= block["layers"]
    return (
        f"{format_table(rows)}\n\nOf {result['name']}. Train one and all after it with 'cnncodes finetune"
        " --unfreeze NAME', or last:N, or a share.\n"
    )


def run_verify(options: VerifyOptions, reporter: Reporter) -> Result:
    """Check a network's files against its card, and its codes against the framework it came from."""
    from cnncodes.backbones.checking.verification import verify_backbone

    if options.original is not None and not options.parity:
        raise UsageError(
            "--original says where the original is that --parity compares with: give --parity, too."
        )
    started = time.perf_counter()
    figures = verify_backbone(options.name, parity=options.parity, original=options.original)
    return {**figures, "seconds": round(time.perf_counter() - started, 3)}


def render_verify(result: Result) -> str:
    """Say what was tried, and how close the codes are where they were compared."""
    lines = [
        f"{result['name']} is sound ({result['seconds']} s)",
        f"  sha256 {result['sha256']}",
        f"  checked: {', '.join(result['checks'])}",
    ]
    if "tuned" in result:
        lines += [
            f"  fine-tuned from the network with the sha256 {result['tuned']['parent']}",
            f"  when it was written: the codes of torch, {describe_parity(result['tuned'])}",
        ]
    elif "parity" not in result:
        lines.append("  not compared with its original: --parity does that")
    for name, figures in result["providers"].items():
        said = figures.get("reason") or f"the CPU's codes, {describe_parity(figures)}"
        lines.append(f"  {name}: {said}")
    for precision, facts in result.get("precisions", {}).items():
        lines.append(
            f"  {precision}: sha256 {facts['sha256']}, the same checks; cosine with fp32 on {facts['images']}"
            f" parts of photos {facts['cosine']:.4f} (median)"
        )
    if "parity" in result:
        parity = result["parity"]
        lines.append(f"  parity on {parity['images']} photos: {describe_parity(parity)}{_say_other(parity)}")
        for name, control in parity["controls"].items():
            lines.append(f"  control {name}: {describe_parity(control)}, noticed")
    return "\n".join(lines) + "\n"


def _say_other(parity: Result) -> str:
    """Say that it is another export that codes were compared with, where they are not found otherwise."""
    if "own_code" not in parity:
        return ""
    own = describe_parity(parity["own_code"])
    return f", with the original exported again, whose own code has {own}: the layer is not found within it"


def describe_parity(figures: Result) -> str:
    """Say how close codes are."""
    return f"relative error {figures['relative_error']:.2g}, cosine {figures['cosine']:.6f}"


MODELS = (
    Command(
        "models list",
        ListOptions,
        run_list,
        render_list,
        "List the networks at hand.",
        "cnncodes models list",
        ("models",),
    ),
    Command(
        "models show",
        NameOptions,
        run_show,
        render_show,
        "Show a network's card.",
        f"cnncodes models show {BACKBONE}",
        ("name", "folder"),
    ),
    Command(
        "models verify",
        VerifyOptions,
        run_verify,
        render_verify,
        "Check a network's files against its card, and its codes against their origin.",
        f"cnncodes models verify {BACKBONE}",
        ("name",),
    ),
)
