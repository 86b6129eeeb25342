"""Codes as a transformer."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cnncodes import CodeExtractor, ViewPlan, embed, read_codes
from cnncodes.errors import UnreadableImages, UsageError


@pytest.fixture
def extractor(backbone, memory):
    def build(**params):
        return CodeExtractor(backbone, n_jobs=1, memory=memory, **params)

    return build


def test_one_row_an_image_of_the_networks_own_codes(extractor, backbone, pictures):
    codes = extractor().fit_transform(pictures.arrays[:5])
    assert codes.shape == (5, 1280) and codes.dtype == np.float32
    plan = ViewPlan.parse("center")
    pixels = plan.render(Image.fromarray(pictures.arrays[3]), backbone.frame).pixels
    np.testing.assert_array_equal(codes[3], backbone.run(pixels)[0])


def test_mean_over_the_views(extractor, backbone, pictures):
    codes = extractor(views="flip", reduce="mean").fit_transform(pictures.arrays[:2])
    pixels = ViewPlan.parse("flip").render(Image.fromarray(pictures.arrays[1]), backbone.frame).pixels
    assert len(pixels) == 2
    np.testing.assert_allclose(codes[1], backbone.run(pixels).mean(axis=0), rtol=1e-6)
    assert np.abs(codes[1] - backbone.run(pixels)[0]).max() > 1e-3


@pytest.mark.parametrize("reduce", ["max", None, "Mean"])
def test_unknown_reduce(extractor, pictures, reduce):
    with pytest.raises(UsageError, match="reduce must be 'mean'"):
        extractor(reduce=reduce).fit(pictures.arrays[:1])


def test_the_same_picture_in_any_form_has_the_same_code(extractor, pictures):
    path = pictures.paths[0]
    forms = [path, str(path), path.read_bytes(), Image.open(path), pictures.arrays[0]]
    codes = extractor().fit_transform(forms)
    assert (codes == codes[0]).all()


def test_a_folder_comes_sorted_by_key(extractor, pictures):
    order = np.argsort([path.relative_to(pictures.root).as_posix() for path in pictures.paths])
    codes = extractor().fit_transform(pictures.root)
    np.testing.assert_array_equal(codes, extractor().fit_transform([pictures.paths[i] for i in order]))


def test_a_generator_is_read_once_and_whole(extractor, pictures):
    codes = extractor().fit_transform(picture for picture in pictures.arrays[:3])
    np.testing.assert_array_equal(codes, extractor().fit_transform(pictures.arrays[:3]))


def test_no_images_no_rows(extractor, pictures):
    assert extractor().fit(pictures.arrays).transform([]).shape == (0, 1280)


def test_fitted_attributes(extractor, backbone, pictures):
    fitted = extractor(decode="fast").fit(pictures.arrays)
    assert fitted.n_features_out_ == 1280
    assert (fitted.space_.backbone_sha256, fitted.space_.decoding) == (backbone.sha256, "fast")
    assert fitted.get_feature_names_out(["ignored"]).dtype == object


def test_an_unreadable_image_is_no_row_but_an_error(extractor, pictures):
    fitted = extractor().fit(pictures.arrays)
    with pytest.raises(UnreadableImages, match="1 of 2 images cannot be used: image-00000001 .*known"):
        fitted.transform([pictures.arrays[0], b"no picture"])


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"views": "tencorp"}, "Did you mean 'tencrop'"),
        ({"decode": "quick"}, "decode must be 'exact', 'fast'"),
    ],
)
def test_wrong_parameters(extractor, pictures, params, text):
    with pytest.raises(UsageError, match=text):
        extractor(**params).fit(pictures.arrays)


@pytest.mark.parametrize("X", ["nowhere.png", b"bytes", 5, [5], np.zeros((8, 8, 3), np.uint8)])
def test_wrong_input_is_named_in_fit(extractor, X):
    with pytest.raises(UsageError, match="Got|got"):
        extractor().fit(X)


@pytest.mark.parametrize("random_state", ["x", 1.5, True, -1])
def test_a_random_state_that_is_none(random_state):
    with pytest.raises(UsageError, match="random_state must be None or a whole number"):
        CodeExtractor(views="train:1", random_state=random_state).fit([])


def test_a_random_state_of_stored_codes_makes_the_same_here(extractor, backbone, pictures, tmp_path):
    views, largest = "train:2", 2**64 - 1
    embed(pictures.arrays[:2], tmp_path / "x.codes", backbone=backbone, views=views, random_state=largest)
    stored = read_codes(tmp_path / "x.codes").X.reshape(2, 2, -1).mean(axis=1)
    X = extractor(views=views, random_state=largest).fit_transform(pictures.arrays[:2])
    np.testing.assert_allclose(X, stored, atol=2e-3)
    others = extractor(views=views).fit_transform(pictures.arrays[:2])
    assert np.abs(others - stored).max() > 0.1
    with pytest.raises(UsageError, match=f"from 0 to {largest}"):
        extractor(views=views, random_state=largest + 1).fit(pictures.arrays[:2])


def test_what_is_no_image_is_refused_with_a_memory_too(backbone, tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    extractor = CodeExtractor(backbone, n_jobs=1, memory=str(tmp_path))
    extractor.fit_transform([array])
    with pytest.raises(UnreadableImages, match="int8"):
        extractor.transform([array.view(np.int8)])
