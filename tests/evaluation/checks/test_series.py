"""How many images have a near copy that folds may put on the other side."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from skimage import data

from cnncodes.evaluation.checks.looking import Look, watch
from cnncodes.evaluation.checks.series import CANDIDATES, DRAWN, NearCopies, find_near_copies
from cnncodes.images import ImageRecord, content_hash

NAMES = ("astronaut", "chelsea", "coffee", "rocket")
ALONE = 12


def make_series() -> tuple[list[ImageRecord], npt.NDArray[np.float32]]:
    """Three frames of each of four photographs, and pictures that are there once; with codes."""
    records, codes = [], []
    rng = np.random.default_rng(0)
    for number, name in enumerate(NAMES):
        photo = np.asarray(Image.fromarray(getattr(data, name)()).resize((240, 180)))
        for frame in range(3):
            pixels = np.clip(photo[: 170 + frame, 3 * frame :] * (1 + 0.02 * frame), 0, 255).astype(np.uint8)
            records.append(ImageRecord(f"{name}_{frame}", pixels))
            codes.append(np.eye(20)[number])
    for i in range(ALONE):
        records.append(ImageRecord(f"alone_{i}", rng.integers(0, 256, (60, 60, 3), np.uint8)))
        codes.append(np.eye(20)[i % 4])
    return records, (np.array(codes) + rng.normal(0, 0.02, (24, 20))).astype(np.float32)


def find(records: list[ImageRecord], codes: npt.NDArray[np.float32], **options: object) -> NearCopies:
    contents = [content_hash(record.data) for record in records]
    return find_near_copies(records, codes, contents, **options)  # type: ignore[arg-type]


def test_frames_of_one_photograph_are_near_copies_and_other_pictures_are_not() -> None:
    found = find(*make_series())
    # Of so many as near others a frame may miss its own: it is a share at least.
    assert found.looked_at == 24 and 9 <= found.found <= 12 and found.many
    assert len(found.examples) == 3
    assert all(a.split("_")[0] == b.split("_")[0] and a != b for a, b in found.examples)
    assert len({key for pair in found.examples for key in pair}) == 6  # no picture is named twice
    assert found.to_dict()["with"] == found.found and found.to_dict()["looked_at"] == 24


def test_what_a_named_group_keeps_together_is_no_copy() -> None:
    records, codes = make_series()
    grouped = [dataclasses.replace(r, group=r.key if "alone" in r.key else r.key[:3]) for r in records]
    assert find(grouped, codes) == NearCopies(24, 0)
    # A group of some of the frames keeps these from the third no more than nothing does.
    some = [dataclasses.replace(r, group="g" if r.key in ("coffee_0", "coffee_1") else None) for r in records]
    assert find(some, codes).found >= 9


def test_a_group_does_not_hide_a_copy_behind_it() -> None:
    records, codes = make_series()
    codes[12:] = codes[3]  # all nearer than the other frames
    grouped = [
        dataclasses.replace(r, group="g" if r.key == "chelsea_0" or i > 11 else None)
        for i, r in enumerate(records)
    ]
    assert find(records, codes, asked=np.array([3])).found == 0
    assert find(grouped, codes, asked=np.array([3])).found == 1


def test_equal_files_are_no_copies() -> None:
    records, codes = make_series()
    twice = [*records[12:], *(dataclasses.replace(r, key=f"{r.key} again") for r in records[12:])]
    assert find(twice, np.concatenate([codes[12:], codes[12:]])) == NearCopies(24, 0)


def test_tiny_and_unreadable_pictures_do_not_count(tmp_path: Path) -> None:
    records, codes = make_series()
    tiny = np.asarray(Image.fromarray(np.asarray(records[0].data)).resize((40, 60)))
    (tmp_path / "gone.jpg").write_bytes(b"no picture")
    records[0] = dataclasses.replace(records[0], data=tiny)
    records[1] = dataclasses.replace(records[1], data=str(tmp_path / "gone.jpg"))
    found = find_near_copies(records, codes, [record.key for record in records])
    assert (found.looked_at, found.too_small) == (22, 1) and not found.mostly_small
    assert found.to_dict()["too_small"] == 1
    assert not any("astronaut" in key for pair in found.examples for key in pair)


def test_of_many_images_some_are_drawn_and_few_are_looked_at() -> None:
    rng = np.random.default_rng(1)
    n = 2000
    records = [
        ImageRecord(str(i), pixels) for i, pixels in enumerate(rng.integers(0, 256, (n, 48, 48), np.uint8))
    ]
    codes = (1 + rng.normal(0, 0.2, (n, 30))).astype(np.float32)
    looks: dict[str, Look] = {}
    found = find(list(watch(records, looks)), codes)
    assert found == NearCopies(DRAWN, 0) and len(looks) <= DRAWN * (1 + CANDIDATES)
    assert find(records, codes) == found


def test_copies_of_some_are_sought_among_others_alone() -> None:
    records, codes = make_series()
    first, second = np.array([0, 3, 12, 13]), np.array([4, 6, 14, 15])
    found = find(records, codes, asked=first, among=second)
    assert found == NearCopies(4, 1, (("chelsea_0", "chelsea_1"),)) and not found.many


@pytest.mark.parametrize(("looked_at", "small", "mostly"), [(0, 1, True), (9, 9, False), (9, 10, True)])
def test_mostly_small_is_more_than_half(looked_at: int, small: int, mostly: bool) -> None:
    assert NearCopies(looked_at, 0, too_small=small).mostly_small is mostly


@pytest.mark.parametrize(
    ("looked_at", "found", "many"), [(60, 3, True), (61, 3, False), (4, 2, False), (0, 0, False)]
)
def test_many_is_one_of_twenty_and_three_at_least(looked_at: int, found: int, many: bool) -> None:
    assert NearCopies(looked_at, found).many is many


def test_one_image_has_no_copy() -> None:
    records, codes = make_series()
    assert find(records[:1], codes[:1]) == NearCopies(1, 0)
