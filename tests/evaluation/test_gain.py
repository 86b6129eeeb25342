"""What more views buy, from stored codes alone."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

from cnncodes.backbones.frame import Frame
from cnncodes.errors import SourceError, UsageError
from cnncodes.evaluation.gain import list_subsets, measure_gain
from cnncodes.evaluation.intervals import Estimate
from cnncodes.store import Codes, CodesWriter, ImageCodes, Space, StoredViews, read_codes
from cnncodes.views import ViewPlan

FRAME = Frame(224, 224, 256)
SIZE = 8
#: Quick, since it chooses nothing; the heads by name have tests of their own.
HEAD = LogisticRegression()
SPACE = Space("net", "00" * 32, "pool", SIZE, "bicubic", "exact")


def hash_key(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=16).hexdigest()


def write(path: Path, name: str, *, per_class: int = 12, parts: bool = False, noise: float = 1.0) -> Codes:
    """Codes of images of two classes; each view is the class's place with noise of its own."""
    plan, rng = ViewPlan.parse(name), np.random.default_rng(0)
    stored = StoredViews(plan.to_dict(), asdict(FRAME), plan.columns)
    with CodesWriter.open(path, SPACE, stored, dtype="float32") as writer:
        for i in range(2 * per_class):
            label, key = "ab"[i % 2], f"{i:03}"
            views = plan.locate((300, 200), FRAME, key)
            codes = rng.normal(size=(len(views), SIZE)) * noise + (i % 2)
            split = ("train" if i < per_class else "test") if parts else None
            writer.add(
                ImageCodes(
                    key, label, split, 300, 200, 1, 5, hash_key(key), [view.parameters() for view in views],
                    codes.astype(np.float32),
                )
            )  # fmt: skip
    return read_codes(path)


def test_a_plan_that_has_no_name_is_told_apart() -> None:
    plan = ViewPlan.parse("center, rotation+lens:1")
    assert list(list_subsets(plan, FRAME)) == ["center", "random:1", "center, random:1"]
    other = ViewPlan.parse("rotation:2", random_state=9)
    assert list(list_subsets(other, FRAME)) == ["rotation:1", "rotation:2"]


@pytest.mark.parametrize(
    ("stored", "names"),
    [
        ("flip", ["center", "flip"]),
        ("tencrop", ["center", "flip", "tencrop"]),
        (
            "multicrop",
            ["center", "flip", "tencrop", *(f"tencrop at {s}" for s in (224, 384, 480, 640)), "multicrop"],
        ),
        ("train:5", ["train:1", "train:2", "train:4", "train:5"]),
        (
            "center, train:2",
            ["center", "train:1", "center, train:1", "train:2", "center, train:2"],
        ),
    ],
)
def test_the_subsets_of_a_plan(stored: str, names: list[str]) -> None:
    subsets = list_subsets(ViewPlan.parse(stored), FRAME)
    assert list(subsets) == names
    for plan in subsets.values():
        plan.find_in(ViewPlan.parse(stored), FRAME)


def test_more_views_of_noise_are_better_and_cost_more(tmp_path: Path) -> None:
    codes = write(tmp_path / "x", "multicrop", per_class=40, noise=3.0)
    gains = measure_gain(codes, head=HEAD)
    assert [(gain.trained_on, gain.tested_on) for gain in gains][:3] == [
        ("flip", "center"),
        ("flip", "flip"),
        ("flip", "tencrop"),
    ]
    first, last = gains[0], gains[-1]
    assert (first.test_views, last.test_views, first.runs, last.runs) == (1, 50, 1.0, 46.0)
    assert first.difference is None and last.difference is not None
    assert last.accuracy.value > 0.95 > first.accuracy.value
    assert last.difference.value == pytest.approx(last.accuracy.value - first.accuracy.value)
    assert last.difference.low is not None and last.difference.low > 0
    assert {gain.accuracy.n for gain in gains} == {80}


def test_training_views_are_compared_too(tmp_path: Path) -> None:
    gains = measure_gain(write(tmp_path / "x", "center, train:4"), head=HEAD)
    assert [(gain.trained_on, gain.tested_on, gain.train_views) for gain in gains] == [
        ("center", "center", 1),
        ("train:1", "center", 1),
        ("center, train:1", "center", 2),
        ("train:2", "center", 2),
        ("center, train:2", "center", 3),
        ("train:4", "center", 4),
        ("center, train:4", "center", 5),
    ]


def test_where_there_are_parts_the_test_part_is_scored(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    gains = measure_gain(
        write(tmp_path / "x", "flip", parts=True), on_progress=lambda done, total: seen.append((done, total))
    )
    assert {gain.accuracy.n for gain in gains} == {12}
    assert seen == [(1, 2), (2, 2)]


def test_the_same_figures_again_and_for_a_choice_of_rows(tmp_path: Path) -> None:
    codes = write(tmp_path / "x", "tencrop")
    assert measure_gain(codes, head=HEAD) == measure_gain(codes, head=HEAD)
    few = codes.select(views="flip")
    assert [gain.tested_on for gain in measure_gain(few, head=HEAD)] == ["center", "flip"]


def test_groups_are_on_one_side_and_are_drawn_together(tmp_path: Path) -> None:
    codes = write(tmp_path / "x", "flip", per_class=20, noise=0.01)
    pairs = np.arange(len(codes)) // 8  # of two images of each class
    rng = np.random.default_rng(0)
    own = rng.normal(size=(pairs.max() + 1, SIZE)).astype(np.float32)  # tells the patient, and no class
    labels = ["ab"[i] for i in rng.permutation(len(own)) % 2]
    rows = codes.rows.set_column(1, "label", pa.array([labels[pair] for pair in pairs]))
    grouped = rows.set_column(3, "group", pa.array([f"patient {pair}" for pair in pairs]))

    def measure(rows: pa.Table) -> Estimate:
        found = replace(codes, X=own[pairs] + codes.X * np.float32(0.01), rows=rows)
        return measure_gain(found, head=LogisticRegression(C=1e3))[0].accuracy

    alone, together = measure(rows), measure(grouped)
    assert (alone.value, alone.n, together.n) == (1.0, 40, 40) and together.value < 0.9
    assert together.high - together.low > 0.25
    with pytest.raises(UsageError, match="every class needs two groups of images"):
        measure(rows.set_column(3, "group", pa.array([f"of {label}" for label in rows["label"].to_pylist()])))


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one view of each image.*--views multicrop"):
        measure_gain(write(tmp_path / "one", "center"))
    with pytest.raises(UsageError, match="no views 'tencorp'. Did you mean 'tencrop'"):
        measure_gain(write(tmp_path / "ten", "tencrop"), train_views="tencorp")
    with pytest.raises(UsageError, match="every class needs two images"):
        measure_gain(write(tmp_path / "few", "flip", per_class=1))
    one_class = write(tmp_path / "class", "flip")
    keep = one_class.y == "a"
    rows = one_class.rows.filter(keep)
    with pytest.raises(SourceError, match="at least 2 classes"):
        measure_gain(type(one_class)(one_class.X[keep], one_class.failures, one_class.manifest,
                                     one_class.path, rows, one_class.plan))  # fmt: skip


def test_a_dataset_whose_job_has_not_finished_is_said(tmp_path: Path) -> None:
    codes = write(tmp_path / "a.codes", "flip")
    unfinished = replace(codes, manifest=replace(codes.manifest, complete=False))
    with pytest.warns(UserWarning, match="the codes are incomplete: the job that wrote them did not finish"):
        measure_gain(unfinished, head=HEAD)
