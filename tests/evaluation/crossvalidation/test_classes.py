"""Classes: each image is answered by heads that had not seen it, nor its views, copies or group."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from cnncodes import ImageClassifier, embed, load_backbone, open_codes, read_codes
from cnncodes.backbones import Backbone
from cnncodes.errors import ResultWarning, SourceError, SpaceMismatch, UsageError
from cnncodes.evaluation import cross_validate
from cnncodes.images import open_source, records_from

RNG = np.random.default_rng(0)
NOISE = [RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8) for _ in range(16)]
LABELS = ["ant", "bee"] * 8


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone()


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("memory")


def make(backbone: Backbone, memory: Path, head: object = None, **params: object) -> ImageClassifier:
    head = KNeighborsClassifier(1) if head is None else head
    views = {"train_views": "flip", "test_views": "flip"}
    return ImageClassifier(backbone, head, n_jobs=1, memory=memory, **{**views, **params})


def test_what_is_no_estimator_of_images_is_refused() -> None:
    with pytest.raises(UsageError, match="an ImageMultiLabelClassifier. Got KNeighborsClassifier instead"):
        cross_validate(KNeighborsClassifier(), NOISE, LABELS)  # type: ignore[call-overload]


def test_noise_is_not_learned_though_each_image_has_two_views(backbone: Backbone, memory: Path) -> None:
    # A nearest neighbour would know each image by its mirror image, or by its copy, were these on both sides.
    clf = make(backbone, memory)
    told: list[tuple[int, int, int]] = []
    found = cross_validate(
        clf, NOISE * 2, LABELS * 2, cv=4, repeats=3, on_fold=lambda *numbers: told.append(numbers)
    )

    assert told == [(i, 12, 0) for i in range(1, 13)]
    assert (found.folds, found.repeats, found.evaluation.n) == (4, 3, 32)
    assert found.evaluation.accuracy.n == 32 and 0.1 < found.evaluation.accuracy.value < 0.9
    assert found.evaluation.accuracy.value == pytest.approx(np.mean(found.accuracy_by_repeat))
    assert len(set(map(tuple, found.labels.tolist()))) > 1  # of other folds
    assert (found.labels[:, :16] == found.labels[:, 16:]).all()  # equal files are held out together
    assert not hasattr(clf, "classes_")


def test_a_group_is_on_one_side(backbone: Backbone, memory: Path) -> None:
    # Each noise is there twice, a little brighter once: whoever knows one knows the other.
    groups = np.repeat(np.arange(16), 2)
    images = [NOISE[g] // 2 + np.uint8(i % 2) for i, g in enumerate(groups)]
    labels = [LABELS[g] for g in groups]
    clf = make(backbone, memory)

    apart = cross_validate(clf, images, labels, groups=groups, cv=4)
    mixed = cross_validate(clf, images, labels, cv=4)

    assert apart.folds == mixed.folds == 4 and mixed.evaluation.n == apart.evaluation.n == 32
    assert apart.evaluation.accuracy.value <= 0.75 < mixed.evaluation.accuracy.value
    assert (apart.labels[0][::2] == apart.labels[0][1::2]).mean() > 0.7


@pytest.mark.slow
def test_codes_keep_the_groups_of_their_table(backbone: Backbone, memory: Path, tmp_path: Path) -> None:
    groups = [f"patient {i // 2}" for i in range(32)]
    lines = ["image,label,group"]
    for i, group in enumerate(groups):
        Image.fromarray(NOISE[i // 2] // 2 + np.uint8(i % 2)).save(tmp_path / f"{i:02}.png")
        lines.append(f"{i:02}.png,{LABELS[i // 2]},{group}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    embed(tmp_path / "table.csv", tmp_path / "a.codes", views="flip", dtype="float32", n_jobs=1)
    codes, records = read_codes(tmp_path / "a.codes"), open_source(tmp_path / "table.csv").records
    clf = make(backbone, memory)

    of_codes = cross_validate(clf, codes, cv=4)

    of_table = cross_validate(clf, records, cv=4)
    assert (of_codes.labels == of_table.labels).all() and of_codes.evaluation == of_table.evaluation
    assert of_codes.evaluation.accuracy.value <= 0.75
    with pytest.raises(UsageError, match="Give the estimator test_views that are"):
        cross_validate(make(backbone, memory, test_views="tencrop"), codes)
    with pytest.raises(UsageError, match="give read_codes"):
        cross_validate(clf, open_codes(tmp_path / "a.codes"))
    logistic = make(backbone, memory, "logistic")
    by_codes, by_table = logistic.fit_codes(codes).head_, logistic.fit_records(records).head_
    assert by_codes.C_ == by_table.C_ and by_codes.scaling_ == by_table.scaling_
    np.testing.assert_allclose(by_codes.coef_, by_table.coef_, atol=1e-6)


@pytest.mark.slow
def test_other_views_answer_than_were_trained_on_and_codes_give_the_same(
    backbone: Backbone, memory: Path, tmp_path: Path
) -> None:
    for number, (image, label) in enumerate(zip(NOISE, LABELS, strict=True)):
        (tmp_path / "photos" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "photos" / label / f"{number:02}.png")
    embed(tmp_path / "photos", tmp_path / "a.codes", views="flip", dtype="float32")
    codes = read_codes(tmp_path / "a.codes")
    clf = make(backbone, memory, "ridge", test_views="center")

    of_codes = cross_validate(clf, codes, cv=4)
    of_images = cross_validate(clf, str(tmp_path / "photos"), cv=4)

    assert of_codes.proba is not None and of_images.proba is not None
    np.testing.assert_allclose(of_codes.proba, of_images.proba, atol=1e-6)
    assert of_codes.proba.shape == (1, 16, 2)
    same = cross_validate(clf.set_params(test_views="flip"), codes, cv=4)
    assert same.proba is not None and not np.allclose(same.proba, of_codes.proba)
    with pytest.raises(UsageError, match="leave out y and groups"):
        cross_validate(clf, codes, LABELS)
    with pytest.raises(SpaceMismatch, match="another space"):
        cross_validate(clf.set_params(decode="fast"), codes)


@pytest.mark.filterwarnings("ignore:Liblinear failed")
def test_without_probabilities_there_are_labels(backbone: Backbone, memory: Path) -> None:
    found = cross_validate(make(backbone, memory, LinearSVC()), NOISE, LABELS, cv=3, repeats=2)

    assert found.proba is None and found.evaluation.brier is None
    assert found.labels.shape == (2, 16) and set(found.labels.ravel()) == {"ant", "bee"}
    assert found.evaluation.macro_f1.n == 16 and sum(map(sum, found.evaluation.confusion)) == 32


def test_whole_numbers_are_classes_too(backbone: Backbone, memory: Path) -> None:
    labels = [2, 10] * 8
    found = cross_validate(make(backbone, memory), NOISE, labels, cv=2)
    assert found.classes.tolist() == [2, 10] and [one.name for one in found.evaluation.per_class] == [
        "10",
        "2",
    ]
    right = np.mean(found.labels[0] == np.array(labels))
    assert found.evaluation.accuracy.value == pytest.approx(right)


def test_folds_that_cannot_be_made_say_which_class_has_too_few(backbone: Backbone, memory: Path) -> None:
    clf = make(backbone, memory)
    with pytest.raises(SourceError, match=r"1 of 2 classes \('bee'\) has images of 1 group"):
        cross_validate(clf, NOISE[:5], ["ant"] * 4 + ["bee"])
    with pytest.raises(
        SourceError, match="Give at least 2 different images of each class, of 2 groups where"
    ):
        cross_validate(clf, NOISE[:4], ["ant", "ant", "bee", "bee"], groups=[1, 2, 3, 3])
    for wrong in (1, 2.5, True):
        with pytest.raises(UsageError, match="cv must be a whole number of at least 2"):
            cross_validate(clf, NOISE, LABELS, cv=wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="repeats must be"):
        cross_validate(clf, NOISE, LABELS, repeats=0)
    with pytest.raises(UsageError, match="leave out finetune"):
        cross_validate(make(backbone, memory, "ridge", finetune=True), NOISE, LABELS)


@pytest.mark.filterwarnings("ignore:class .bee. has one image")
def test_fewer_folds_than_asked_for_are_said(backbone: Backbone, memory: Path) -> None:
    told = "^3 folds instead of 4: most images are of classes with no more groups"
    with pytest.warns(ResultWarning, match=told):
        cross_validate(make(backbone, memory, "ridge"), NOISE[:6], ["ant"] * 3 + ["bee"] * 3, cv=4)


def test_a_class_of_one_image_is_in_training_and_in_no_figure(backbone: Backbone, memory: Path) -> None:
    clf = make(backbone, memory)
    with pytest.warns(ResultWarning, match=r"1 of 3 classes could not be held out.*'cat'.*of the 15 images"):
        found = cross_validate(clf, NOISE, [*LABELS[:-1], "cat"], cv=3, repeats=2)
    assert found.not_held_out == ["cat"] and found.classes.tolist() == ["ant", "bee", "cat"]
    assert found.evaluation.n == found.evaluation.accuracy.n == len(found.y) == 15
    assert found.labels.shape == (2, 15) and found.proba is not None and found.proba.shape == (2, 15, 3)
    assert found.evaluation.accuracy.value == pytest.approx((found.labels == found.y).mean())


def test_heads_of_folds_do_not_count_scarce_classes(backbone: Backbone, memory: Path) -> None:
    labels = ["ant"] * 6 + ["bee"] * 6 + ["cat"] * 2 + ["dog"] * 2  # of which some folds have one
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cross_validate(make(backbone, memory, "centroid"), NOISE, labels, cv=2)
    assert not [one for one in caught if "was held out" in str(one.message)]


def test_an_image_that_cannot_be_read_is_left_out(backbone: Backbone, memory: Path) -> None:
    clf = make(backbone, memory, on_error="skip")
    with pytest.warns(UserWarning, match="cannot be used"):
        found = cross_validate(clf, [*NOISE, b"no picture"], [*LABELS, "ant"], cv=2)
    assert found.evaluation.n == len(found.y) == 16
    assert len(records_from(NOISE)) == 16


def test_several_answers_of_an_image_make_no_group_of_it(backbone: Backbone, memory: Path) -> None:
    clf = make(backbone, memory)
    assert cross_validate(clf, NOISE, LABELS, cv=2, repeats=2).evaluation.n_groups is None
    groups = np.arange(16) // 2
    labels = np.repeat(["ant", "bee"], 8)
    assert cross_validate(clf, NOISE, labels, groups=groups, cv=2, repeats=2).evaluation.n_groups == 8


def test_few_groups_are_not_repeated_alike(backbone: Backbone, memory: Path) -> None:
    groups = np.arange(16) // 2 % 5
    with pytest.warns(ResultWarning, match="^1 repetition instead of 3: .* into 5 folds"):
        found = cross_validate(make(backbone, memory), NOISE, LABELS, groups=groups, repeats=3)
    assert found.repeats == len(found.accuracy_by_repeat) == len(found.labels) == 1


@pytest.mark.slow
def test_weights_are_for_training_and_images_of_none_are_left_out(backbone: Backbone, memory: Path) -> None:
    clf = make(backbone, memory, "logistic")
    plain = cross_validate(clf, NOISE, LABELS, cv=4)
    ones = cross_validate(clf, NOISE, LABELS, sample_weight=np.ones(16), cv=4)
    assert np.array_equal(plain.proba, ones.proba)
    weight = np.linspace(0.1, 9, 16)
    weighted = cross_validate(clf, NOISE, LABELS, sample_weight=weight, cv=4)
    assert weighted.evaluation.n == 16 and not np.array_equal(plain.proba, weighted.proba)
    weight[[0, 3]] = 0
    assert cross_validate(clf, NOISE, LABELS, sample_weight=weight, cv=4).evaluation.n == 14
    with pytest.raises(UsageError, match="sample_weight"):
        cross_validate(clf, NOISE, LABELS, sample_weight=[1, 2], cv=4)
    with pytest.raises(UsageError, match="takes no sample_weight"):
        cross_validate(make(backbone, memory), NOISE, LABELS, sample_weight=np.ones(16), cv=4)
