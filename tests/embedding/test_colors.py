"""Principal colours of a source: the same for any number of lanes, from its training part alone."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data

from cnncodes.embedding import measure_colors, training_records
from cnncodes.errors import UsageError
from cnncodes.images import open_source, records_from
from cnncodes.views import ColorMoments


def test_lanes_and_order_make_no_difference():
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (20 + n, 30, 3), dtype=np.uint8) for n in range(70)]
    moments = ColorMoments()
    for picture in pictures:
        moments.add(picture)
    expected = moments.principal_colors()
    for n_jobs in (1, 2, 3):
        assert measure_colors(records_from(pictures), n_jobs=n_jobs) == expected
    assert measure_colors(records_from(pictures[::-1]), n_jobs=2) == expected


def test_only_the_training_part_is_looked_at(tmp_path):
    for part, picture in (("train", data.coffee()), ("test", data.chelsea())):
        (tmp_path / part / "a").mkdir(parents=True)
        Image.fromarray(picture).save(tmp_path / part / "a" / "photo.png")
    source = open_source(tmp_path)
    colors = measure_colors(training_records(source))
    assert colors == measure_colors(records_from([data.coffee()]))
    assert len(training_records(open_source(tmp_path / "train"))) == 1


def test_unreadable_images_are_left_out_and_counted(tmp_path):
    Image.fromarray(data.coffee()).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    seen: list[tuple[int, int, int]] = []
    records = records_from(sorted(tmp_path.iterdir()))
    colors = measure_colors(records, n_jobs=1, on_progress=lambda *counts: seen.append(counts))
    assert colors.n_images == 1
    assert seen[-1] == (2, 2, 1)
    with pytest.raises(UsageError, match="no training image can be read"):
        measure_colors(records[:1])
