"""All checks of one source, with what a source may lack."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cnncodes.errors import SourceError, UsageError
from cnncodes.evaluation import DataChecks, check_data
from cnncodes.evaluation.checks import run_checks
from cnncodes.evaluation.checks.looking import look_at
from cnncodes.images import ImageRecord, ImageSource


def make_records(n: int, seed: int = 0) -> list[ImageRecord]:
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 256, (n, 48, 48, 3), np.uint8)
    return [ImageRecord(f"{i:03}", picture, f"class {i % 2}") for i, picture in enumerate(pictures)]


def run(records: list[ImageRecord], seed: int = 0, spread: float = 0.3) -> DataChecks:
    """Check records with made codes, which tell their classes apart."""
    rng = np.random.default_rng(seed)
    label = np.array([0 if record.label is None else int(record.label[-1]) for record in records])
    codes = rng.normal(0, spread, (len(records), 50)) + 3 * np.eye(50)[label]
    looks = [look_at(record.read()) for record in records]
    return run_checks(records, looks, codes.astype(np.float32))


def left_out(checks: DataChecks) -> dict[str, str]:
    return {row.check: row.why for row in checks.left_out}


def test_clean_images_have_no_findings() -> None:
    checks = run(make_records(60))
    assert checks.findings == () and (checks.n, checks.labelled) == (60, 60)
    assert checks.classes == ("class 0", "class 1")
    assert left_out(checks) == {"groups": "the images are not in several parts (train, test)."}


def test_without_labels_the_others_are_made() -> None:
    records = [dataclasses.replace(record, label=None) for record in make_records(40)]
    records.append(dataclasses.replace(records[0], key="copy"))
    checks = run(records)
    assert [finding.check for finding in checks.findings] == ["duplicates"]
    assert {"labels", "classes", "metadata"} < set(left_out(checks))
    assert left_out(checks)["labels"] == "no image has a label."


def test_photos_in_series_are_a_warning_unless_groups_keep_them_together() -> None:
    records = make_records(40)
    for i, record in enumerate(records[:4]):
        brighter = np.clip(np.asarray(record.data, float) * 1.05, 0, 255).astype(np.uint8)
        records.append(dataclasses.replace(record, key=f"{i:03} again", data=brighter))
    [found] = run(records).warnings
    assert found.check == "duplicates" and len(found.details["groups"]) == 4
    assert run([dataclasses.replace(record, group=record.key[:3]) for record in records]).warnings == ()


def test_one_class_is_said() -> None:
    records = [dataclasses.replace(record, label="class 0") for record in make_records(40)]
    assert left_out(run(records))["classes"] == "all labelled images are of one class, 'class 0'."


def test_a_class_with_one_image_is_left_out_and_the_others_are_checked() -> None:
    records = make_records(60)
    records[3] = dataclasses.replace(records[3], label="class 9")
    checks = run(records)
    assert "'class 9'" in left_out(checks)["labels"] and "1 of 3 classes has" in left_out(checks)["metadata"]


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_images_are_enough_not_to_fail(n: int) -> None:
    checks = run(make_records(n))
    assert checks.n == n and checks.findings == ()
    assert {"groups", "outliers", "labels", "classes", "metadata"} == set(left_out(checks))


def test_codes_that_do_not_fit_are_refused() -> None:
    records = make_records(3)
    looks = [look_at(record.read()) for record in records]
    with pytest.raises(UsageError, match="3 records, 3 looks and codes of shape"):
        run_checks(records, looks, np.ones((2, 5), np.float32))
    codes = np.ones((3, 5), np.float32)
    codes[1, 2] = np.nan
    with pytest.raises(UsageError, match="those of '001' are not"):
        run_checks(records, looks, codes)


def test_a_flipped_label_is_suspected() -> None:
    records = make_records(80)
    codes_of = run(records)
    assert codes_of.findings == ()
    rng = np.random.default_rng(0)
    codes = rng.normal(0, 0.3, (80, 50)) + 3 * np.eye(50)[np.arange(80) % 2]
    records[10] = dataclasses.replace(records[10], label="class 1")
    checks = run_checks(records, [look_at(r.read()) for r in records], codes.astype(np.float32))
    [found] = checks.findings
    assert (found.check, found.images) == ("labels", ("010",))


def test_warnings_come_first_and_what_crosses_parts_before_all() -> None:
    records = make_records(60)
    records = [dataclasses.replace(r, split="test" if i < 20 else "train") for i, r in enumerate(records)]
    records.append(dataclasses.replace(records[0], key="copy", split="train"))
    records.append(dataclasses.replace(records[1], key="other label", label="class 0"))
    records.append(dataclasses.replace(records[2], key="same"))
    for i in (5, 45):
        records[i] = dataclasses.replace(records[i], group="anna")
    found = [(f.check, f.severity, f.details.get("kind")) for f in run(records).findings]
    assert found[:4] == [
        ("groups", "warn", None),
        ("duplicates", "warn", "parts"),
        ("duplicates", "warn", "labels"),
        ("duplicates", "tell", "within"),
    ]


def test_from_images_with_a_bad_one_among_them() -> None:
    rng = np.random.default_rng(0)
    good = rng.integers(0, 256, (3, 48, 48, 3), np.uint8)
    done: list[tuple[int, int, int]] = []
    checks = check_data(
        [good[0], good[1], b"no picture", good[0][:, ::-1].copy()],
        n_jobs=1,
        on_progress=lambda *numbers: done.append(numbers),
    )
    assert checks.n == 3 and [key for key, _ in checks.failures] == ["image-00000002"]
    assert [f.images for f in checks.findings] == [("image-00000000", "image-00000003")]
    assert done[-1] == (4, 4, 1)


def test_where_nothing_can_be_read_the_first_reason_is_said() -> None:
    source = ImageSource("photos", None, (ImageRecord("a", b"no picture"),))
    with pytest.raises(SourceError, match="none of the 1 images of 'photos' can be read; the first is 'a'"):
        check_data(source)


def test_labels_and_groups_may_come_beside_a_list() -> None:
    pictures = [record.data for record in make_records(12)]
    copied = [*pictures[::-1], pictures[0]]  # a list in another order than its keys, with a copy
    labels = ["b", "a"] * 6 + ["b"]  # the copied picture is of a there, and of b here
    checks = check_data(copied, labels, groups=["anna"] + [None] * 12, views="center")
    assert (checks.n, checks.labelled, checks.classes) == (13, 13, ("a", "b"))
    [same] = [finding for finding in checks.findings if finding.check == "duplicates"]
    assert same.severity == "warn" and len(same.images) == 2 and "label" in same.sentence
    assert check_data(copied[:3], [1, None, 2], views="center").labelled == 2
    assert check_data(copied[:3], ["1", "", "2"], views="center").labelled == 2


@pytest.mark.parametrize(
    ("y", "groups", "message"),
    [
        (["a"], None, "y must have one value an image: 2. Got 1"),
        ("ab", None, "Got str instead"),
        (["a", 1], None, "labels must be of one type"),
        (None, ["x"], "groups must have one value an image: 2. Got 1"),
    ],
)
def test_labels_that_do_not_fit_are_refused(y: object, groups: object, message: str) -> None:
    pictures = [record.data for record in make_records(2)]
    with pytest.raises(UsageError, match=message):
        check_data(pictures, y, groups=groups)


def test_a_source_has_its_own_labels() -> None:
    source = ImageSource("made", None, tuple(make_records(2)))
    with pytest.raises(UsageError, match="brings them"):
        check_data(source, ["a", "b"])


def test_sets_and_numbers_may_come_beside_a_list() -> None:
    pictures = [make_records(3)[i].data for i in (0, 1, 0)]
    sets = check_data(pictures, [{"sea"}, set(), {"sea", "sky"}], views="center")
    assert (sets.task, sets.classes, sets.labelled) == ("labels", ("sea", "sky"), 3)
    assert [f.details["kind"] for f in sets.findings] == [
        "labels"
    ] and "3 labelled, 2 labels" in sets.summary()
    numbers = check_data(pictures, [1.5, None, 7], regression=True, views="center")
    assert (numbers.task, numbers.classes, numbers.labelled) == ("numbers", (), 2)
    assert "with more than one number" in numbers.findings[0].sentence
    assert "3 images checked (2 with numbers)" in numbers.summary()
