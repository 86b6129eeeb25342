"""Patches to calibrate on: the same images each time, each cut as the network meets it."""

from __future__ import annotations

import numpy as np
import pytest

from cnncodes.backbones import Frame
from cnncodes.embedding.calibrating import LEAST_IMAGES, choose_records, cut_patches
from cnncodes.errors import SourceError
from cnncodes.images import ImageRecord, content_hash, records_from
from cnncodes.views import ViewPlan

FRAME = Frame(32, 32, 40)


def make_records(count: int, random_state: int = 0) -> list[ImageRecord]:
    rng = np.random.default_rng(random_state)
    return records_from([rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(count)])


def test_the_same_images_are_chosen_in_whatever_order_they_are_listed() -> None:
    records = make_records(50)
    chosen = [record.key for record in choose_records(records, 20)]
    assert len(set(chosen)) == 20
    assert [record.key for record in choose_records(records[::-1], 20)] == chosen
    assert chosen != sorted(chosen)  # by hash: not the first ones by name
    assert len(choose_records(records, 99)) == 50


def test_each_image_gives_its_centre_and_random_parts() -> None:
    records = make_records(20)
    patches, contents = cut_patches(records, FRAME)
    assert contents == [content_hash(record.read()) for record in records]
    assert patches.shape[1:] == (32, 32, 3) and len(patches) >= 1024
    for record in records:
        center = ViewPlan.parse("center").render(_image(record), FRAME).pixels[0]
        assert (patches == center).all((1, 2, 3)).sum() == 1
    assert len(np.unique(patches, axis=0)) == len(patches)
    assert np.array_equal(cut_patches(records, FRAME, n_jobs=1)[0], patches)


def _image(record: ImageRecord) -> object:
    from cnncodes.images import decode

    return decode(record.read())


def test_many_images_give_two_parts_each() -> None:
    patches, _ = cut_patches(make_records(1100), Frame(8, 8, 8))
    assert len(patches) == 2200


def test_what_cannot_be_read_is_left_out_and_too_few_are_an_error() -> None:
    bad = records_from([b"no image"] * 3)
    _, contents = cut_patches([*bad, *make_records(LEAST_IMAGES)], FRAME)
    assert len(contents) == LEAST_IMAGES
    with pytest.raises(SourceError, match=r"at least 16 images that can be read.*Got 15 of 18"):
        cut_patches([*bad, *make_records(LEAST_IMAGES - 1)], FRAME)
