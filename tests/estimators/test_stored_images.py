"""Stored codes instead of images: they are answered as the images that they were made of."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cnncodes import ImageClassifier, ImageMultiLabelClassifier, ImageRegressor, embed, open_codes, read_codes
from cnncodes.errors import SpaceMismatch, UsageError
from cnncodes.estimators.inputs import list_keys
from cnncodes.estimators.stored_images import list_stored
from cnncodes.images import open_source


@pytest.fixture(scope="module")
def make_codes(pictures, backbone, tmp_path_factory):
    def build(views="flip", **options):
        folder = tmp_path_factory.mktemp("codes") / "photos.codes"
        options = {"dtype": "float32", **options}
        embed(pictures.root, folder, backbone=backbone, views=views, n_jobs=1, **options)
        return read_codes(folder)

    return build


@pytest.fixture(scope="module")
def codes(make_codes):
    return make_codes()


@pytest.fixture(scope="module")
def paths(codes, pictures):
    return [pictures.root / key for key in list_keys(codes)]


@pytest.fixture(scope="module")
def classifier(pictures, backbone):
    classifier = ImageClassifier(backbone, n_jobs=1, test_views="flip", out_of_fold=True)
    return classifier.fit(pictures.arrays, pictures.labels)


@pytest.mark.parametrize(
    ("views", "aggregate"),
    [
        ("center", "auto"),
        ("flip", "code"),
        ("flip", "decision"),
        ("tencrop", "probability"),
        ("center, rotation:2", "auto"),
    ],
)
def test_classes_are_those_of_the_images_to_the_bit(
    views, aggregate, make_codes, pictures, backbone, paths, memory
):
    stored = make_codes(views)
    classifier = ImageClassifier(
        backbone,
        n_jobs=1,
        memory=memory,
        train_views="center",
        test_views=views,
        aggregate=aggregate,
    )
    classifier.fit(pictures.arrays, pictures.labels)
    for method in ("predict", "predict_proba", "decision_function", "novelty"):
        of_images, of_codes = (getattr(classifier, method)(X) for X in (paths, stored))
        assert of_images.tobytes() == of_codes.tobytes()


def test_a_promise_is_kept_by_codes_as_by_images(classifier, codes, paths):
    by_images, by_codes = (classifier.predict_or_abstain(X, 0.2) for X in (paths, codes))
    assert by_images.labels.tolist() == by_codes.labels.tolist()
    np.testing.assert_array_equal(by_images.probability, by_codes.probability)
    priors = {"dark": 0.8}
    np.testing.assert_array_equal(
        classifier.predict_proba(paths, priors=priors), classifier.predict_proba(codes, priors=priors)
    )
    assert classifier.estimate_priors(paths) == classifier.estimate_priors(codes)


def test_labels_and_numbers_are_those_of_the_images(codes, paths, pictures, backbone):
    sets = [["red", "warm"] if name == "red" else [str(name)] for name in pictures.labels]
    several = ImageMultiLabelClassifier(backbone, n_jobs=1).fit(pictures.arrays, sets)
    for method in ("predict", "predict_proba", "decision_function", "novelty"):
        np.testing.assert_array_equal(getattr(several, method)(paths), getattr(several, method)(codes))
    light = [float(picture.mean()) for picture in pictures.arrays]
    regressor = ImageRegressor(backbone, n_jobs=1).fit(pictures.arrays, light)
    np.testing.assert_array_equal(regressor.predict(paths), regressor.predict(codes))
    np.testing.assert_array_equal(
        regressor.predict_interval(paths, 0.5), regressor.predict_interval(codes, 0.5)
    )
    assert regressor.score(codes, [light[0]] * 9 + [light[-1]] * 9) == regressor.score(
        paths, [light[0]] * 9 + [light[-1]] * 9
    )
    truth = [["red", "warm"] if "red" in key else [key.split("/")[0]] for key in list_keys(codes)]
    assert several.score(codes, truth) == several.score(paths, truth)


def test_float16_changes_probabilities_by_less_than_a_thousandth(classifier, make_codes, paths):
    halved = make_codes(dtype="float16")
    assert classifier.predict(halved).tolist() == classifier.predict(paths).tolist()
    np.testing.assert_allclose(classifier.predict_proba(halved), classifier.predict_proba(paths), atol=1e-3)


def test_scores_by_own_labels_of_the_part_test(classifier, codes, pictures):
    assert classifier.score(codes) == classifier.score(pictures.root) == 1.0
    wrong = ["red"] * 18
    assert classifier.score(codes, wrong) == pytest.approx(1 / 3)


def divide(codes, column, values):
    """Return the codes with other values in a column, one after another for an image's two rows each."""
    place, given = codes.rows.column_names.index(column), np.resize(np.repeat(values, 2), len(codes)).tolist()
    rows = codes.rows.set_column(place, codes.rows.schema.field(column), [pa.array(given, pa.string())])
    return dataclasses.replace(codes, rows=rows)


def test_scores_by_own_labels_of_the_only_part_that_is_left(classifier, codes):
    divided = divide(codes, "split", ["train", "test"])
    assert classifier.score(divided) == classifier.score(divided.select(split="train")) == 1.0


def test_a_score_without_labels_names_the_parts_to_choose_from(classifier, codes):
    divided = divide(codes, "split", ["train", "val"])
    expected = r"y is missing.*the parts 'train', 'val' but no 'test': pass y, or.*select\(split='train'\)"
    with pytest.raises(UsageError, match=expected):
        classifier.score(divided)
    bare = divide(divided, "label", [None])
    with pytest.raises(UsageError, match="y is missing: these codes have no labels in their part 'val'"):
        classifier.score(bare.select(split="val"))
    with pytest.raises(UsageError, match="y is missing: these codes have no labels"):
        classifier.score(divide(codes, "label", [None]))


def test_a_classifier_takes_its_views_of_more(classifier, make_codes, codes):
    more = make_codes("tencrop")
    np.testing.assert_array_equal(classifier.predict_proba(more), classifier.predict_proba(codes))


def test_other_views_are_refused_with_both_ways_out(classifier, make_codes):
    with pytest.raises(UsageError, match=r"center.*flip.*--views flip.*test_views"):
        classifier.predict(make_codes("center"))


def test_plans_without_a_name_are_told_apart(make_codes, pictures, backbone):
    stored = make_codes("center, train:2", reduce="mean")
    options = {"train_views": "center", "test_views": "center, train:2", "random_state": 3}
    classifier = ImageClassifier(backbone, n_jobs=1, aggregate="code", **options)
    classifier.fit(pictures.arrays, pictures.labels)
    expected = (
        r"of the 3 views of a plan without a name, and this estimator predicts with the 3 views of a plan"
        r" without a name\. They differ in random\.random_state: 0 in that of the codes, 3 in that of"
        r" the estimator\."
    )
    with pytest.raises(UsageError, match=expected):
        classifier.predict(stored)


def test_single_views_that_were_chosen_are_not_taken_for_all(classifier, codes):
    some = codes.select(views=int(codes.views[0]))
    with pytest.raises(UsageError, match="left out"):
        classifier.predict(some)


def test_means_are_taken_where_codes_are_averaged(make_codes, codes, paths, pictures, backbone, classifier):
    means = make_codes(reduce="mean")
    with pytest.raises(UsageError, match="mean of each image.*aggregate"):
        classifier.predict(means)
    by_code = ImageClassifier(backbone, n_jobs=1, aggregate="code").fit(pictures.arrays, pictures.labels)
    np.testing.assert_allclose(by_code.predict_proba(means), by_code.predict_proba(paths), atol=1e-6)
    fitted = ImageClassifier(backbone, n_jobs=1).fit_codes(means)
    np.testing.assert_allclose(fitted.predict_proba(means), fitted.predict_proba(paths), atol=1e-6)


def test_codes_of_another_network_are_refused(classifier, codes):
    space = dataclasses.replace(codes.manifest.space, backbone="another")
    other = dataclasses.replace(codes, manifest=dataclasses.replace(codes.manifest, space=space))
    with pytest.raises(SpaceMismatch, match="another"):
        classifier.predict(other)


def test_incomplete_codes_warn(classifier, codes):
    other = dataclasses.replace(codes, manifest=dataclasses.replace(codes.manifest, complete=False))
    with pytest.warns(match="incomplete"):
        classifier.predict(other)


def test_codes_in_parts_are_refused(classifier, codes):
    with pytest.raises(UsageError, match="read_codes"):
        classifier.predict(open_codes(codes.path))


def test_any_head_answers_codes(codes, paths, pictures, backbone):
    classifier = ImageClassifier(backbone, KNeighborsClassifier(3), n_jobs=1)
    classifier.fit(pictures.arrays, pictures.labels)
    np.testing.assert_array_equal(classifier.predict_proba(codes), classifier.predict_proba(paths))


def test_predictors_say_which_images_were_trained_on_and_which_failed(
    classifier, backbone, pictures, tmp_path
):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.png").write_bytes(pictures.paths[0].read_bytes())
    (tmp_path / "new" / "b.png").write_bytes(b"no picture")
    embed(
        tmp_path / "new", tmp_path / "new.codes", backbone=backbone, views="flip", dtype="float32", n_jobs=1
    )
    predictor = classifier.predictor_
    stored = list_stored(read_codes(tmp_path / "new.codes"), predictor, failures=True)
    found = predictor.predict_records(stored, novelty=True)
    expected = predictor.predict_records(open_source(tmp_path / "new").records, novelty=True, n_jobs=1)
    assert found.keys == expected.keys == ["a.png", "b.png"]
    assert found.labels == expected.labels
    assert [f.reason for f in found.failures.values()] == [f.reason for f in expected.failures.values()]
    np.testing.assert_array_equal(found.trained_on, expected.trained_on)
    np.testing.assert_array_equal(found.contents, expected.contents)
    np.testing.assert_array_equal(found.novelty, expected.novelty)


def test_codes_are_left_as_they_are_by_a_head_that_writes_into_them(codes, pictures, backbone):
    head = make_pipeline(StandardScaler(copy=False), KNeighborsClassifier(3))
    classifier = ImageClassifier(backbone, head, n_jobs=1).fit(pictures.arrays, pictures.labels)
    before = codes.X.copy()
    classifier.predict(codes)
    np.testing.assert_array_equal(codes.X, before)
    stored = list_stored(codes, classifier.predictor_)
    assert np.shares_memory(stored[0].codes, codes.X)
    classifier.predictor_.predict_records(stored)
    np.testing.assert_array_equal(codes.X, before)
