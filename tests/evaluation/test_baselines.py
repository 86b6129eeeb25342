"""The answers that need no network."""

from __future__ import annotations

import numpy as np

from cnncodes.evaluation.baselines import predict_majority, predict_raw_pixels, read_thumbnails
from cnncodes.images import ImageRecord
from cnncodes.store import Failure


def make_records(count: int, seed: int) -> list[ImageRecord]:
    """Dark and light noise in turn, of different sizes."""
    rng = np.random.default_rng(seed)
    records = []
    for i in range(count):
        low, high, label = ((0, 120, "dark"), (130, 256, "light"))[i % 2]
        pixels = rng.integers(low, high, (40 + i, 50, 3), dtype=np.uint8)
        records.append(ImageRecord(f"{seed}/{i}", pixels, label))
    return records


def pixels_of(records: list[ImageRecord]) -> list[np.ndarray]:
    found = [pixels for pixels in read_thumbnails(records, 1) if isinstance(pixels, np.ndarray)]
    assert len(found) == len(records) and {pixels.shape for pixels in found} == {(16 * 16 * 3,)}
    return found


def test_the_majority_is_counted_in_the_training_part() -> None:
    assert predict_majority(["b", "a", "b", "a", "c"], 3).tolist() == ["a", "a", "a"]


def test_raw_pixels_tell_dark_from_light() -> None:
    train, test = make_records(30, 0), make_records(10, 1)
    labels = [str(record.label) for record in train]
    answers = predict_raw_pixels(pixels_of(train), labels, pixels_of(test), n_jobs=1)
    assert answers.tolist() == [record.label for record in test]


def test_what_cannot_be_read_says_why() -> None:
    broken = ImageRecord("broken", b"no image", "dark")
    first, second = read_thumbnails([broken, *make_records(1, 0)])
    assert isinstance(first, Failure) and (first.key, first.stage) == ("broken", "decode")
    assert isinstance(second, np.ndarray)
