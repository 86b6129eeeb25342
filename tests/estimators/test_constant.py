"""A fit says where codes hold nothing to learn from."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from cnncodes import ImageMultiLabelClassifier, ImageRegressor, embed, open_codes, read_codes
from cnncodes.errors import ResultWarning
from cnncodes.estimators.constant import are_constant

SAID = "the codes of 18 images are all equal"


def draw_equal(n: int) -> list[bytes]:
    """Return files that differ and hold the same picture."""
    picture = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3).repeat(16, axis=0))
    files = [io.BytesIO() for _ in range(n)]
    for i, file in enumerate(files):
        picture.save(file, "PNG", compress_level=0)
        file.write(bytes([i]))
    return [file.getvalue() for file in files]


def list_said(caught: pytest.WarningsRecorder) -> list[str]:
    return [str(one.message) for one in caught if SAID in str(one.message)]


@pytest.mark.parametrize("head", ["ridge", "auto"])
def test_equal_pictures_are_said_once_by_a_classifier(make, pictures, recwarn, head):
    make(head, train_views="flip").fit(draw_equal(18), pictures.labels)
    [said] = list_said(recwarn)
    assert "'cnncodes check'" in said and "\n" not in said


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (ImageRegressor(), np.arange(18.0)),
        (ImageMultiLabelClassifier(), [{"a"}, {"b"}, {"a", "c"}] * 6),
    ],
)
def test_equal_pictures_are_said_by_other_estimators(backbone, memory, recwarn, estimator, y):
    estimator.set_params(backbone=backbone, train_views="center", test_views="center", memory=memory)
    estimator.fit(draw_equal(18), y)
    assert len(list_said(recwarn)) == 1


@pytest.fixture(scope="module")
def stored(pictures, backbone, tmp_path_factory):
    folder = tmp_path_factory.mktemp("codes") / "photos.codes"
    embed(pictures.root, folder, backbone=backbone, views="flip", n_jobs=1)
    return folder


def test_stored_codes_that_are_equal_are_said(make, stored, recwarn):
    codes = read_codes(stored)
    make().fit_codes(codes)
    assert not list_said(recwarn)
    by_view = codes.X[:2][np.asarray(codes.rows.column("view"))]
    make().fit_codes(dataclasses.replace(codes, X=by_view))
    assert len(list_said(recwarn)) == 1


@pytest.mark.parametrize("head", ["ridge", "logistic"])
def test_codes_in_blocks_that_are_equal_are_said(make, pictures, backbone, tmp_path, recwarn, head):
    for i, (file, label) in enumerate(zip(draw_equal(18), pictures.labels, strict=True)):
        (tmp_path / "in" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / label / f"{i}.png").write_bytes(file)
    embed(tmp_path / "in", tmp_path / "x.codes", backbone=backbone, views="flip", n_jobs=1)
    make(head).fit_codes(open_codes(tmp_path / "x.codes"), memory_limit="8G")
    assert len(list_said(recwarn)) == 1


def test_rounding_makes_no_difference_and_anything_else_does() -> None:
    code = np.linspace(0, 3, 40, dtype=np.float32)
    X, counts = np.tile(code, (3000, 1)), np.ones(3000, np.int64)
    X[2500] *= 1 + 1e-6
    assert are_constant(X, counts)
    X[2999, 7] += 0.01
    assert not are_constant(X, counts)
    assert are_constant(np.zeros((4, 40)), np.full(2, 2))


def test_images_of_differing_numbers_of_views_are_equal_where_all_views_are() -> None:
    X = np.tile(np.arange(5.0), (3, 1))
    assert are_constant(X, np.array([1, 0, 2]))
    X[2] += 1
    assert not are_constant(X, np.array([1, 2]))


def test_the_warning_is_one_of_results(make, pictures):
    with pytest.warns(ResultWarning, match=SAID):
        make().fit(draw_equal(18), pictures.labels)
