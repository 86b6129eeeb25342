"""``cnncodes models``: the networks at hand."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnncodes.commands import inputs
from cnncodes.commands.command import Command, Result
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.tables import format_table
from cnncodes.errors import BackboneError, CardError, UsageError
from cnncodes.schema import option

_HELP_NAME = "A name from 'cnncodes models list', or a folder with a card."


def _check_state(value: int) -> None:
    if value < 0:
        raise UsageError(f"it must be at least 0. Got {value} instead.")


@dataclass(frozen=True)
class ListOptions:
    """Options of ``cnncodes models list``: none."""


@dataclass(frozen=True)
class NameOptions:
    """Options of ``cnncodes models show``."""

    name: str = option(_HELP_NAME)
    layers: bool = option(
        "List the layers that can serve as a code, with their shapes (extra: export).", default=False
    )


@dataclass(frozen=True)
class VerifyOptions:
    """Options of ``cnncodes models verify``."""

    name: str = option(_HELP_NAME)
    parity: bool = option("Also compare its codes with the original's (extra: export).", default=False)


@dataclass(frozen=True)
class ExportOptions:
    """Options of ``cnncodes models export``."""

    name: str = option(
        "Network to export: a name in the zoo, a file ending in .onnx, torchvision:NAME, timm:NAME.TAG,"
        " hf-hub:OWNER/REPO or python:MODULE:FUNCTION, whose code is run; @CHECKPOINT takes the weights from"
        " a file.",
        metavar="ADDRESS",
    )
    out: str | None = option(
        "Folder for the network and its card. [your own folder of models]",
        default=None,
        short="-o",
        metavar="FOLDER",
    )
    layer: str | None = option(
        "Make the code of this layer, or of several, A,B; 'output' where the network has no classifier.",
        default=None,
        metavar="NAME",
    )
    pool: str = option(
        "How the places of a layer become one vector.", default="mean", choices=("mean", "max", "both")
    )
    dense: bool = option(
        "Also write dense.onnx, which gives a map of codes for images of any size.", default=False
    )
    replace: bool = option("Put it into the place of another backbone that the folder holds.", default=False)
    random_weights: bool = option("Draw the weights at random: for tests, of no use else.", default=False)
    random_state: int = option("What random weights are drawn from.", default=0, check=_check_state)


@dataclass(frozen=True)
class PullOptions:
    """Options of ``cnncodes models pull``."""

    name: str = option(
        "Repository with a ready backbone: hf-hub:OWNER/REPO, with @REVISION after it or without.",
        metavar="ADDRESS",
    )
    out: str | None = option(
        "Folder for the network and its card. [its name in your own folder of models]",
        default=None,
        short="-o",
        metavar="FOLDER",
    )
    replace: bool = option("Put it into the place of another network that is there.", default=False)


def run_list(options: ListOptions, reporter: Reporter) -> Result:
    """List the networks with what their cards say, under the names by which they are found."""
    from cnncodes.backbones.zoo import list_backbones

    return {"models": [_list_one(name) for name in list_backbones()]}


def _list_one(name: str) -> Result:
    from cnncodes.backbones.zoo import find_backbone

    try:
        return {**_read_card(name), "name": name}
    except CardError as error:  # one damaged card hides no others
        return {"name": name, "folder": str(find_backbone(name)), "error": str(error)}


def _read_card(name: str) -> Result:
    from cnncodes.backbones.card import Card
    from cnncodes.backbones.zoo import find_backbone

    folder = find_backbone(name)
    card: Any = Card.read(folder / "card.toml")
    return {**_plain(dataclasses.asdict(card)), "folder": str(folder)}


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def render_list(result: Result) -> str:
    """One line a network."""
    rows = [("name", "code", "licence", "description")]
    rows += [
        (m["name"], "-", "-", f"cannot be used: {m['error']}")
        if "error" in m
        else (m["name"], str(m["code_size"]), m["licence"], m["description"])
        for m in result["models"]
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    return "\n".join(lines) + "\n"


def run_show(options: NameOptions, reporter: Reporter) -> Result:
    """Show one network's card, or its layers."""
    card = _read_card(options.name)
    if options.layers:
        from cnncodes.backbones import load_backbone
        from cnncodes.backbones.picking import list_layers

        backbone: Any = load_backbone(options.name)
        layers = list_layers(backbone.model_bytes(), backbone.card)
        return {**card, "layers": [_plain(dataclasses.asdict(layer)) for layer in layers]}
    return card


def render_show(result: Result) -> str:
    """One line an entry, tables indented; or one a layer."""
    if isinstance(result.get("layers"), list):
        return _render_layers(result)
    known = {key: value for key, value in result.items() if value not in (None, {})}
    width = max(len(key) for key in known)
    lines = []
    for key, value in known.items():
        if isinstance(value, dict):
            inner = ", ".join(f"{name} {item}" for name, item in value.items())
            lines.append(f"{key.ljust(width)}  {inner}")
        else:
            lines.append(f"{key.ljust(width)}  {value}")
    return "\n".join(lines) + "\n"


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


def run_verify(options: VerifyOptions, reporter: Reporter) -> Result:
    """Check a network's files against its card, and its codes against the framework it came from."""
    from cnncodes.backbones.verification import verify_backbone

    started = time.perf_counter()
    with reporter.passing_warnings():
        figures = verify_backbone(options.name, parity=options.parity)
    return {**figures, "seconds": round(time.perf_counter() - started, 3)}


def render_verify(result: Result) -> str:
    """Say what was tried, and how close the codes are where they were compared."""
    lines = [
        f"{result['name']} is sound ({result['seconds']} s)",
        f"  sha256 {result['sha256']}",
        f"  checked: {', '.join(result['checks'])}",
    ]
    if "parity" not in result:
        lines.append("  not compared with its original: --parity does that")
    for name, figures in result["providers"].items():
        said = figures.get("reason") or f"the CPU's codes, {_describe_parity(figures)}"
        lines.append(f"  {name}: {said}")
    for precision, facts in result.get("precisions", {}).items():
        lines.append(
            f"  {precision}: sha256 {facts['sha256']}, the same checks; cosine with fp32 on {facts['images']}"
            f" parts of photos {facts['cosine']:.4f} (median)"
        )
    if "parity" in result:
        parity = result["parity"]
        lines.append(f"  parity on {parity['images']} photos: {_describe_parity(parity)}")
        for name, control in parity["controls"].items():
            lines.append(f"  control {name}: {_describe_parity(control)}, noticed")
    return "\n".join(lines) + "\n"


def _describe_parity(figures: Result) -> str:
    return f"relative error {figures['relative_error']:.2g}, cosine {figures['cosine']:.6f}"


def run_export(options: ExportOptions, reporter: Reporter) -> Result:
    """Export a network from the framework it was trained in."""
    from cnncodes.backbones import zoo
    from cnncodes.backbones.export import export_backbone
    from cnncodes.backbones.originals import find_original

    original = find_original(options.name, options.random_state if options.random_weights else None)
    if original.note:
        reporter.note(original.note)
    out = Path(options.out) if options.out else Path(zoo.user_models_folder()) / original.name
    _check_place(out, original, replace=options.replace)
    card: Any = export_backbone(original, out, dense=options.dense, layer=options.layer, pool=options.pool)
    return {
        "out": str(out),
        "name": card.name,
        "code_size": card.code_size,
        "layer": card.layer,
        "sizes": card.sizes,
        "files": _plain(card.files),
        "parity": _plain(card.parity),
        "map": _describe_map(out) if options.dense else None,
    }


def _check_place(folder: Path, original: Any, *, replace: bool) -> None:
    """Raise unless a network can be written there, and no other one is there that is not to go."""
    from cnncodes.backbones.export import find_other
    from cnncodes.store.files import check_writable

    check_writable(folder / "card.toml")
    other = find_other(folder, original)
    if other is not None and not replace:
        raise BackboneError(
            f"{str(folder)!r} holds another backbone, {other.name!r} ({other.source_weights}): --replace puts"
            f" {original.name!r} into its place, -o FOLDER elsewhere."
        )


def _describe_map(folder: Path) -> Result:
    """Return the map that an exported network's dense form gives for an image larger than its frame."""
    import numpy as np

    from cnncodes.backbones import load_backbone

    backbone: Any = load_backbone(folder)
    height, width = backbone.frame.height + 32, backbone.frame.width + 96
    maps = backbone.dense().run(np.zeros((1, height, width, 3), np.uint8))
    return {"image": [height, width], "shape": list(maps.shape[1:])}


def render_export(result: Result) -> str:
    """Say where the files are."""
    files = "\n".join(f"  {name}  sha256 {digest}" for name, digest in result["files"].items())
    parity = f"parity on {result['parity']['images']} photos: {_describe_parity(result['parity'])}"
    code = f"code of {result['code_size']} numbers ({result['layer']}), sizes {result['sizes']}"
    dense = ""
    if result["map"]:
        image, shape = (" x ".join(str(side) for side in result["map"][key]) for key in ("image", "shape"))
        dense = f"  dense map of {shape} for an image of {image}\n"
    return f"{result['name']} exported to {result['out']}\n  {code}\n{dense}  {parity}\n{files}\n"


def run_pull(options: PullOptions, reporter: Reporter) -> Result:
    """Fetch a ready backbone from a hub."""
    from cnncodes.backbones.pulling import pull_backbone

    pulled = pull_backbone(options.name, options.out, replace=options.replace)
    return {
        "out": str(pulled.folder),
        "name": pulled.card.name,
        "commit": pulled.commit,
        "changed": pulled.changed,
        "files": _plain(pulled.card.files),
    }


def render_pull(result: Result) -> str:
    """Say where the files are, and whether they are new."""
    files = "\n".join(f"  {name}  sha256 {digest}" for name, digest in result["files"].items())
    done = "pulled to" if result["changed"] else "was there already, sound:"
    return f"{result['name']} {done} {result['out']}\n  commit {result['commit']}\n{files}\n"


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
        f"cnncodes models show {inputs.BACKBONE}",
        ("name", "folder"),
    ),
    Command(
        "models verify",
        VerifyOptions,
        run_verify,
        render_verify,
        "Check a network's files against its card, and its codes against their origin.",
        f"cnncodes models verify {inputs.BACKBONE}",
        ("name",),
    ),
    Command(
        "models export",
        ExportOptions,
        run_export,
        render_export,
        "Make a network's ONNX file from the framework it was trained in (extra: export).",
        f"cnncodes models export {inputs.BACKBONE} -o models/{inputs.BACKBONE}",
        ("out", "name"),
    ),
    Command(
        "models pull",
        PullOptions,
        run_pull,
        render_pull,
        "Fetch a ready backbone from the Hugging Face hub (extra: export).",
        "cnncodes models pull hf-hub:OWNER/REPO",
        ("out", "name"),
    ),
)
