"""``cnncodes views show``: a contact sheet of one image's views."""

from __future__ import annotations

import dataclasses
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnncodes.choices import BACKBONE
from cnncodes.commands import common
from cnncodes.commands.command import Command, Result
from cnncodes.commands.outputs import check_output
from cnncodes.commands.plans import HELP_PLAN, PlanOptions, open_plan
from cnncodes.commands.reporter import Reporter
from cnncodes.errors import SourceError, UnreadableImage, UsageError
from cnncodes.schema import option

if TYPE_CHECKING:
    from PIL.Image import Image

    from cnncodes.backbones.frame import Frame
    from cnncodes.views import Rendered, ViewPlan
    from cnncodes.views.sheet import Sheet

_FORMATS = {".png": "PNG", ".webp": "WEBP"}
_WEBP_SIDE = 16_383


def _check_sheet_name(name: str) -> None:
    if Path(name).suffix.lower() not in _FORMATS:
        raise UsageError(f"a sheet keeps every pixel, in a .png or .webp file. Got {name!r}.")


@dataclass(frozen=True, kw_only=True)
class ShowOptions(PlanOptions):
    """Options of ``cnncodes views show``."""

    image: str = option("An image file.")
    plan: str = option(HELP_PLAN, default="center", check=common.check_views)
    out: str | None = option(
        "File for the sheet: .png or .webp, both without loss. [IMAGE-views.png in this folder]",
        default=None,
        short="-o",
        metavar="FILE",
        check=_check_sheet_name,
    )
    backbone: str = option(common.HELP_BACKBONE, default=BACKBONE, metavar="NAME")


def run_show(options: ShowOptions, reporter: Reporter) -> Result:
    """Draw the views of one image on a contact sheet."""
    from cnncodes.backbones.card import Card
    from cnncodes.backbones.zoo import find_backbone
    from cnncodes.store.files import write_file
    from cnncodes.views.sheet import draw_sheet

    out = Path(options.out or f"{Path(options.image).stem}-views.png")
    check_output(out, (options.image, options.data))
    frame = Card.read(find_backbone(options.backbone) / "card.toml").frame
    image, content = _open_image(options)
    plan = open_plan(options.plan, options, reporter)
    rendered = _render(options, plan, frame, image, content)
    sheet = draw_sheet(rendered, plan.columns, _make_title(options, plan, frame, image))
    write_file(out, _encode(sheet, out))
    return {
        "out": str(out),
        "image": options.image,
        "size": list(image.size),
        "content": content,
        "plan": plan.to_dict(),
        "plan_id": plan.id,
        "backbone": options.backbone,
        "frame": dataclasses.asdict(frame),
        "views": _list_views(rendered, sheet),
        "distinct": len(rendered.pixels),
    }


def _open_image(options: ShowOptions) -> tuple[Image, str]:
    """Return an image as it is decoded for codes, and the hash of its content."""
    from cnncodes.images import Decoding, ImageRecord, content_hash, decode
    from cnncodes.images.plugins import register_installed

    register_installed()
    try:
        data = ImageRecord(options.image, Path(options.image)).read()
        return decode(data, Decoding.make("exact", options.max_pixels)), content_hash(data)
    except UnreadableImage as error:
        raise SourceError(f"{options.image!r} cannot be shown: {error}") from error


def _render(options: ShowOptions, plan: ViewPlan, frame: Frame, image: Image, content: str) -> Rendered:
    from cnncodes.views.sheet import check_count

    if plan.needs_colors:
        raise UsageError(
            "the plan varies colours by 'pca' and holds no principal colours: give the training images with"
            " --data, or a file from 'cnncodes views write PLAN --data TRAINING_IMAGES -o plan.toml'."
        )
    check_count(plan.count, (frame.width, frame.height))
    try:
        return plan.render(image, frame, content)
    except UnreadableImage as error:
        raise SourceError(f"{options.image!r} cannot be shown: {error}") from error


def _make_title(options: ShowOptions, plan: ViewPlan, frame: Frame, image: Image) -> str:
    title = (
        f"{options.plan} of {Path(options.image).name} ({image.width} x {image.height} pixels),"
        f" for {options.backbone}: {frame.height} x {frame.width} patch, own short side {frame.resize},"
        f" {frame.interpolation}"
    )
    return title if plan.random is None else f"{title}; random_state {plan.random.random_state}"


def _encode(sheet: Sheet, out: Path) -> bytes:
    format_ = _FORMATS[out.suffix.lower()]
    if format_ == "WEBP" and max(sheet.image.size) > _WEBP_SIDE:
        width, height = sheet.image.size
        raise UsageError(
            f"WebP holds up to {_WEBP_SIDE} pixels a side and the sheet has {width} x {height}: name a .png."
        )
    buffer = io.BytesIO()
    sheet.image.save(buffer, format_, lossless=True)
    return buffer.getvalue()


def _list_views(rendered: Rendered, sheet: Sheet) -> list[Result]:
    """Return each view's parameters, the earlier view it equals, and where on the sheet it lies."""
    from cnncodes.views.sheet import first_equal

    return [
        {
            **{k: list(v) if isinstance(v, tuple) else v for k, v in view.parameters().items()},
            "equals": first_equal(rendered, number),
            "corner": list(sheet.corners[number]),
        }
        for number, view in enumerate(rendered.views)
    ]


def render_show(result: Result) -> str:
    """Say how many views there are, and where the sheet is."""
    count = len(result["views"])
    distinct = "" if result["distinct"] == count else f", {result['distinct']} of them distinct"
    return f"{count} {'view' if count == 1 else 'views'} of {result['image']}{distinct}: {result['out']}\n"


VIEWS_SHOW = Command(
    "views show",
    ShowOptions,
    run_show,
    render_show,
    "Draw the views of one image, as the network sees them, on a contact sheet.",
    "cnncodes views show cat.jpg --plan 'center, rotation+lens:4'",
    ("out", "views"),
)
