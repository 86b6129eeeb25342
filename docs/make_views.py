"""Draw the contact sheets of docs/views.md: ``python docs/make_views.py [FOLDER]``.

They show a photo that scikit-image brings along (``pip install -e '.[cpu,test]'``), cut by the code that
makes codes and drawn by that of ``cnncodes views show``. The files are WebP with loss; without it they would
be several times as large. For the exact pixels, run the command.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image
from skimage import data

from cnncodes import ViewPlan
from cnncodes.backbones import Card, find_backbone
from cnncodes.embedding import measure_colors, training_records
from cnncodes.images import content_hash, open_source
from cnncodes.views import PrincipalColors
from cnncodes.views.names import AUGMENTATIONS, FIXED_PLANS
from cnncodes.views.sheet import draw_sheet

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "images" / "views"
SAMPLE = ROOT / "pipelines" / "samples" / "openclipart.parquet"
BACKBONE = "efficientnet-lite0"
QUALITY = 85

#: Name of the sheet, and its plan: each augmentation beside the plain centre.
PLANS = {
    **{name: name for name in FIXED_PLANS},
    "train": "center, train:4",
    **{name if name not in FIXED_PLANS else f"random-{name}": f"center, {name}:4" for name in AUGMENTATIONS},
    "composed": "center, train+rotation+lens+brightness+contrast+saturation:9",
}

#: Chosen among 300 so that four views spread over their range; what is left out has 0.
RANDOM_STATES = {
    "random-flip": 3, "scale-crop": 166, "area-crop": 285, "train": 283, "brightness": 28, "contrast": 57,
    "saturation": 182, "pca": 248, "translation": 236, "rotation": 236, "stretching": 144, "shearing": 235,
    "perspective": 283, "lens": 64,
}  # fmt: skip


def sample_colors() -> PrincipalColors:
    """Return the principal colours of the quickstart's training pictures."""
    return measure_colors(training_records(open_source(SAMPLE)))


def draw(name: str, colors: PrincipalColors) -> Image.Image:
    """Return one sheet."""
    pixels = data.chelsea()
    random_state = RANDOM_STATES.get(name, 0)
    plan = ViewPlan.parse(PLANS[name], random_state=random_state).with_colors(colors)
    frame = Card.read(find_backbone(BACKBONE) / "card.toml").frame
    rendered = plan.render(Image.fromarray(pixels), frame, content_hash(pixels))
    title = (
        f"{PLANS[name]} of chelsea ({pixels.shape[1]} x {pixels.shape[0]} pixels), for {BACKBONE}:"
        f" {frame.height} x {frame.width} patch, own short side {frame.resize}, {frame.interpolation}"
    )
    if plan.random is not None:
        title += f"; random_state {random_state}"
    return draw_sheet(rendered, plan.columns, title).image


def main() -> None:
    """Draw every sheet."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    colors = sample_colors()
    for name in PLANS:
        draw(name, colors).save(folder / f"{name}.webp", quality=QUALITY, method=6)
    sizes = [path.stat().st_size for path in folder.glob("*.webp")]
    print(f"{len(sizes)} sheets, {sum(sizes) / 1e6:.2f} MB: {folder}")


if __name__ == "__main__":
    main()
