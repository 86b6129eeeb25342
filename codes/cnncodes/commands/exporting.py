"""``cnncodes models export`` and ``pull``: networks made of published ones, or fetched ready."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnncodes.choices import BACKBONE, POOLS
from cnncodes.commands.command import Command, Result
from cnncodes.commands.models import describe_parity, plain
from cnncodes.commands.reporter import Reporter
from cnncodes.errors import UsageError
from cnncodes.schema import option


def _check_state(value: int | None) -> None:
    if value is not None and value < 0:
        raise UsageError(f"it must be at least 0. Got {value} instead.")


def _check_size(value: int | None) -> None:
    if value is not None and value < 1:
        raise UsageError(f"it must be at least 1 pixel. Got {value} instead.")


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
    pool: str | None = option(
        "How the places of a layer become one vector. [mean]", default=None, choices=POOLS
    )
    size: int | None = option(
        "Show the network patches of N x N pixels, of the same part of a picture: fewer take less time. [what"
        " it was published for]",
        default=None,
        metavar="N",
        check=_check_size,
    )
    dense: bool = option(
        "Also write dense.onnx, which gives a map of codes for images of any size.", default=False
    )
    replace: bool = option("Put it into the place of another backbone that the folder holds.", default=False)
    random_weights: bool = option("Draw the weights at random: for tests, of no use else.", default=False)
    random_state: int | None = option(
        "What random weights are drawn from; with --random-weights. [0]", default=None, check=_check_state
    )


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


def run_export(options: ExportOptions, reporter: Reporter) -> Result:
    """Export a network from the framework it was trained in."""
    from cnncodes.backbones.exporting.export import export_backbone
    from cnncodes.backbones.exporting.placing import check_is_folder
    from cnncodes.backbones.exporting.resizing import resize_original
    from cnncodes.backbones.exporting.sources import find_original
    from cnncodes.backbones.zoo import choose_own_folder
    from cnncodes.store.files import check_writable

    if options.random_state is not None and not options.random_weights:
        raise UsageError(
            "--random-state says what random weights are drawn from: give --random-weights, too."
        )
    state = (options.random_state or 0) if options.random_weights else None
    original = find_original(options.name, state)
    if options.size is not None:
        original = resize_original(original, options.size)
    if original.note:
        reporter.note(original.note)
    name = original.name if options.size is None else f"{original.name}-{options.size}"
    out = Path(options.out) if options.out else Path(choose_own_folder(name))
    check_is_folder(out)
    check_writable(out / "card.toml", follow=False)
    card: Any = export_backbone(
        original,
        out,
        dense=options.dense,
        layer=options.layer,
        pool=options.pool,
        replace=options.replace,
    )
    if card.layer.endswith("average-pooled"):
        reporter.note(
            f"the last layer, a convolution, was taken for the classifier and cut off ({card.layer}); if its"
            " output is the code, say --layer output"
        )
    return {
        "out": str(out),
        "name": card.name,
        "code_size": card.code_size,
        "layer": card.layer,
        "sizes": card.sizes,
        "files": plain(card.files),
        "parity": plain(card.parity),
        "map": _describe_map(out) if options.dense else None,
    }


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
    code = f"code of {result['code_size']} numbers ({result['layer']}), sizes {result['sizes']}"
    dense = ""
    if result["map"]:
        image, shape = (" x ".join(str(side) for side in result["map"][key]) for key in ("image", "shape"))
        dense = f"  dense map of {shape} for an image of {image}\n"
    parity = _say_parity(result["parity"])
    return f"{result['name']} exported to {result['out']}\n  {code}\n{dense}  {parity}\n{files}\n"


def _say_parity(figures: Result) -> str:
    """Say how close the codes are to the original's, or that they cannot be compared."""
    if "cosine" in figures:
        return f"parity on {figures['images']} photos: {describe_parity(figures)}"
    own = {key.removeprefix("own_code_"): value for key, value in figures.items()}
    return (
        f"parity on {own['images']} photos of the network's own code: {describe_parity(own)}; the layer's"
        " codes cannot be compared, since they are not found within the original"
    )


def run_pull(options: PullOptions, reporter: Reporter) -> Result:
    """Fetch a ready backbone from a hub."""
    from cnncodes.backbones.exporting.placing import check_is_folder
    from cnncodes.backbones.exporting.pulling import pull_backbone

    if options.out:
        check_is_folder(Path(options.out))
    pulled = pull_backbone(options.name, options.out, replace=options.replace)
    return {
        "out": str(pulled.folder),
        "name": pulled.card.name,
        "commit": pulled.commit,
        "changed": pulled.changed,
        "files": plain(pulled.card.files),
    }


def render_pull(result: Result) -> str:
    """Say where the files are, and whether they are new."""
    files = "\n".join(f"  {name}  sha256 {digest}" for name, digest in result["files"].items())
    done = "pulled to" if result["changed"] else "was there already, sound:"
    return f"{result['name']} {done} {result['out']}\n  commit {result['commit']}\n{files}\n"


EXPORT = (
    Command(
        "models export",
        ExportOptions,
        run_export,
        render_export,
        "Make a network's ONNX file from the framework it was trained in (extra: export).",
        f"cnncodes models export {BACKBONE} -o models/{BACKBONE}",
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
