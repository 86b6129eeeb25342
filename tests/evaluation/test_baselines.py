"""The answers that need no network."""

from __future__ import annotations

import numpy as np
import pytest

from cnncodes.errors import SourceError
from cnncodes.evaluation.baselines import predict_majority, predict_raw_pixels
from cnncodes.images import ImageRecord


def make_records(count: int, seed: int) -> list[ImageRecord]:
    """Dark and light noise in turn, of different sizes."""
    rng = np.random.default_rng(seed)
    records = []
    for i in range(count):
        low, high, label = ((0, 120, "dark"), (130, 256, "light"))[i % 2]
        pixels = rng.integers(low, high, (40 + i, 50, 3), dtype=np.uint8)
        records.append(ImageRecord(f"{seed}/{i}", pixels, label))
    return records


def test_the_majority_is_counted_in_the_training_part() -> None:
    train = [ImageRecord(str(i), b"", label) for i, label in enumerate(["b", "a", "b", "a", "c"])]

    assert predict_majority(train, train[:3]).tolist() == ["a", "a", "a"]


def test_raw_pixels_tell_dark_from_light() -> None:
    train, test = make_records(30, 0), make_records(10, 1)

    answers = predict_raw_pixels(train, test, n_jobs=1)

    assert answers.tolist() == [record.label for record in test]


def test_unreadable_images_are_left_out_of_training_and_unanswered() -> None:
    broken = ImageRecord("broken", b"no image", "dark")

    answers = predict_raw_pixels([broken, *make_records(30, 0)], [broken, *make_records(2, 1)], n_jobs=1)

    assert answers.tolist() == ["", "dark", "light"]
    with pytest.raises(SourceError, match="none of the 1 images"):
        predict_raw_pixels([broken], [broken])
