"""The cache of codes: each image meets the network once, and nothing false comes out of it."""

from __future__ import annotations

import sqlite3
import threading
import zlib

import numpy as np
import pytest
from PIL import Image
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier

from cnncodes import CodeExtractor, ImageClassifier
from cnncodes.errors import StoreError, UnreadableImages, UsageError
from cnncodes.estimators import inputs
from cnncodes.views import ViewPlan


@pytest.fixture
def clf(counting, tmp_path):
    views = {"train_views": "center", "test_views": "center"}
    return ImageClassifier(counting, KNeighborsClassifier(1), **views, n_jobs=2, memory=tmp_path / "memory")


def change_cache(memory, statement):
    connection = sqlite3.connect(memory / "codes.sqlite")
    with connection:
        changed = connection.execute(statement).rowcount
    connection.close()
    return changed


@pytest.mark.slow
def test_a_grid_search_embeds_each_image_once(clf, counting, pictures):
    grid = {"head": ["ridge", KNeighborsClassifier(1), KNeighborsClassifier(3)]}
    search = GridSearchCV(clf, grid, cv=3, error_score="raise").fit(pictures.paths, pictures.labels)
    assert counting.seen == 18
    clf.fit(pictures.arrays, pictures.labels)  # of arrays, not of files: another content
    assert counting.seen == 18
    search.fit(pictures.paths, pictures.labels)
    assert counting.seen == 0


@pytest.mark.parametrize("below", ["", "further/memory"])
def test_memory_that_a_file_stands_in_the_way_of_is_told(clf, pictures, tmp_path, below):
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    clf.set_params(memory=str(file / below))
    with pytest.raises(UsageError, match=r"memory needs a folder, and .*notes\.txt is a file\. Give"):
        clf.fit(*pictures.two())
    assert file.read_text() == "mine"


def test_without_memory_every_fit_embeds(clf, counting, pictures):
    clf.set_params(memory=None)
    for _ in range(2):
        clf.fit(pictures.arrays, pictures.labels)
        assert counting.seen == 18


@pytest.mark.slow
def test_the_codes_are_the_same_with_and_without(clf, counting, pictures):
    plain = CodeExtractor(counting, views="flip").fit_transform(pictures.paths)
    for _ in range(2):
        kept = CodeExtractor(counting, views="flip", memory=clf.memory).fit_transform(pictures.paths)
        np.testing.assert_array_equal(kept, plain)
    assert counting.seen == 2 * 36


@pytest.mark.slow
def test_other_views_embed_only_what_is_missing(clf, counting, pictures):
    clf.fit(pictures.paths, pictures.labels)
    assert counting.seen == 18
    first = clf.predict(pictures.paths)
    clf.set_params(train_views="flip", test_views="flip").fit(pictures.paths, pictures.labels)
    assert counting.seen == 36  # an image that lacks a view is rendered whole: no more than that
    clf.set_params(train_views="center", test_views="center").fit(pictures.paths, pictures.labels)
    assert counting.seen == 0
    np.testing.assert_array_equal(clf.predict(pictures.paths), first)


def test_a_new_image_is_the_only_one_embedded(clf, counting, pictures):
    clf.fit(pictures.paths[:17], pictures.labels[:17])
    assert counting.seen == 17
    clf.fit(pictures.paths, pictures.labels)
    assert counting.seen == 1


def test_moved_files_are_known_and_changed_ones_are_not(clf, counting, pictures, tmp_path):
    clf.fit(pictures.paths, pictures.labels)
    assert counting.seen == 18
    moved = tmp_path / "moved.png"
    moved.write_bytes(pictures.paths[0].read_bytes())
    assert clf.predict([moved]).tolist() == ["dark"] and counting.seen == 0
    moved.write_bytes(pictures.paths[6].read_bytes())
    assert clf.predict([moved]).tolist() == ["light"] and counting.seen == 0
    Image.fromarray(pictures.arrays[0][::-1]).save(moved)
    assert clf.predict([moved]).tolist() == ["dark"] and counting.seen == 1


def test_another_decoding_does_not_take_the_codes(clf, counting, pictures):
    clf.fit(pictures.paths, pictures.labels)
    assert counting.seen == 18
    clf.set_params(decode="fast").fit(pictures.paths, pictures.labels)
    assert counting.seen == 18
    clf.predict(pictures.paths)
    assert counting.seen == 0


@pytest.mark.parametrize("damage", [lambda data: b"rubbish" * 100, lambda data: data[:50]])
def test_a_damaged_cache_is_named_and_can_be_deleted(clf, pictures, damage):
    clf.fit(pictures.arrays, pictures.labels)
    expected = clf.predict_proba(pictures.arrays)
    [file] = clf.memory.iterdir()  # closed after each use: no journal is left beside it
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(StoreError, match=r"codes\.sqlite is damaged.*Delete it"):
        clf.fit(pictures.arrays, pictures.labels)
    file.unlink()
    np.testing.assert_array_equal(
        clf.fit(pictures.arrays, pictures.labels).predict_proba(pictures.arrays), expected
    )


@pytest.mark.parametrize("size", [400, 8000, 0])
def test_a_code_of_the_wrong_length_is_made_again(clf, counting, pictures, size):
    clf.fit(pictures.arrays, pictures.labels)
    expected = clf.predict_proba(pictures.arrays)
    crc = zlib.crc32(bytes(size))
    assert change_cache(clf.memory, f"UPDATE codes SET code = zeroblob({size}), crc = {crc}") == 18
    assert counting.seen == 18
    np.testing.assert_array_equal(clf.predict_proba(pictures.arrays), expected)
    assert counting.seen == 18
    np.testing.assert_array_equal(clf.predict_proba(pictures.arrays), expected)
    assert counting.seen == 0


@pytest.mark.slow
def test_threads_share_the_cache(clf, pictures):
    answers: list[np.ndarray] = []

    def work():
        extractor = CodeExtractor(clf.backbone, n_jobs=2, memory=clf.memory)
        answers.append(extractor.fit_transform(pictures.paths))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    plain = CodeExtractor(clf.backbone).fit_transform(pictures.paths)
    assert len(answers) == 3
    for answer in answers:
        np.testing.assert_array_equal(answer, plain)


def test_an_unreadable_image_is_not_kept(clf, counting, pictures, tmp_path):
    path = tmp_path / "late.png"
    clf.set_params(on_error="skip")
    with pytest.warns(UserWarning, match="1 of 19"):
        clf.fit([*pictures.paths, path], [*pictures.labels, "dark"])
    path.write_bytes(pictures.paths[0].read_bytes())
    clf.fit([*pictures.paths, path], [*pictures.labels, "dark"])
    assert clf.n_images_ == 19


def test_fast_decoding_for_other_views_is_not_taken_from_the_cache(tmp_path):
    """How far a JPEG is scaled in decoding depends on the largest view of the plan."""
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 256, (600, 600, 3), dtype=np.uint8).repeat(2, 0).repeat(2, 1))
    photo.save(tmp_path / "large.jpg")
    plan = ViewPlan(short_sides=(256, 640))

    def codes(views, memory):
        extractor = CodeExtractor(views=views, decode="fast", memory=memory)
        return extractor.fit_transform([tmp_path / "large.jpg"])

    codes(plan, tmp_path / "memory")
    np.testing.assert_array_equal(codes("center", tmp_path / "memory"), codes("center", None))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_raise_ends_with_the_first_block_that_has_an_unreadable_image(
    clf, counting, pictures, monkeypatch, n_jobs
):
    monkeypatch.setattr(inputs, "_BLOCK", 4)
    X, y = pictures.arrays * 20, list(pictures.labels) * 20
    X[5] = X[6] = X[9] = b"no picture"
    clf.set_params(n_jobs=n_jobs, memory=None)
    with pytest.raises(
        UnreadableImages, match=r"^2 of the first 8 images of 360 cannot be used: image-0+5 \("
    ):
        clf.fit(X, y)
    assert counting.seen < 360


def test_codes_made_before_an_unreadable_image_stay_in_memory(clf, counting, pictures):
    broken = [*pictures.arrays, b"no picture"]
    with pytest.raises(UnreadableImages, match="^1 of 19 images cannot be used"):
        clf.fit(broken, [*pictures.labels, "red"])
    assert counting.seen == 18
    clf.fit(pictures.arrays, pictures.labels)
    assert counting.seen == 0
