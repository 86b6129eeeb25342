"""A classifier knows its training images again, after saving and under other names."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest

from cnncodes import embed, load, open_codes, read_codes
from cnncodes.backbones import Backbone
from cnncodes.backbones.seen import pack_seen
from cnncodes.errors import ResultWarning, StoreError
from cnncodes.estimators.contents import find_contradictory, find_trained_groups, shorten
from cnncodes.estimators.saving import load_predictor
from cnncodes.evaluation import cross_validate
from cnncodes.images import content_hash, open_source, records_from


def trained_on(predictor, X):
    return predictor.predict_records(records_from(X), n_jobs=1).trained_on.tolist()


def test_training_images_are_known_again_after_saving(make, pictures, tmp_path):
    clf = make().fit(pictures.paths[::2], pictures.labels[::2])
    clf.save(tmp_path / "a", include_backbone=False)
    again = load(tmp_path / "a")
    again.save(tmp_path / "b", include_backbone=False)
    renamed = tmp_path / "another-name.png"
    renamed.write_bytes(pictures.paths[0].read_bytes())
    asked = [pictures.paths[0], pictures.paths[1], renamed, b"no picture"]
    for predictor in (clf.predictor_, again.predictor_, load_predictor(tmp_path / "b")):
        assert trained_on(predictor, asked) == [True, False, True, False]


def test_equal_images_with_different_labels_are_told(make, pictures, tmp_path):
    copy = tmp_path / "copy.png"
    copy.write_bytes(pictures.paths[0].read_bytes())
    other = next(label for label in pictures.labels if label != pictures.labels[0])
    said = r"^1 image is there with more than one class \(equal files\).*'.*copy.png'"
    with pytest.warns(ResultWarning, match=said):
        make().fit([*pictures.paths, copy], [*pictures.labels, other])
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResultWarning)
        make().fit([*pictures.paths, copy], [*pictures.labels, pictures.labels[0]])


def test_numbers_of_equal_images_may_be_measured_twice():
    numbers = np.array([10.0, 10.1, 20.0, 30.0, 35.0])
    assert find_contradictory([*"aabcc"], numbers, are_numbers=True) == [(3, 4)]
    assert find_contradictory([*"aabcc"], numbers) == [(0, 1), (3, 4)]
    assert find_contradictory([*"aab"], np.array([[0, 1], [1, 1], [0, 0]])) == [(0, 1)]


def test_what_is_remembered(make, pictures):
    clf = make(on_error="skip")
    X, y = [*pictures.arrays, pictures.arrays[0], b"no picture"], [*pictures.labels, "dark", "dark"]
    with pytest.warns(UserWarning, match="1 of 20 images"):
        clf.fit(X, y)
    expected = sorted(int(content_hash(array)[:16], 16) for array in pictures.arrays)
    assert clf.predictor_.trained.tolist() == expected
    assert clf.predictor_.trained.dtype == np.uint64


def test_training_images_of_stored_codes_are_known_again(make, pictures, tmp_path):
    embed(pictures.root, tmp_path / "p.codes", n_jobs=1)
    clf = make().fit_codes(read_codes(tmp_path / "p.codes"))
    assert trained_on(clf.predictor_, [pictures.paths[0], pictures.arrays[0]]) == [True, False]


@pytest.mark.slow
def test_groups_are_known_again_however_they_came_and_after_saving(make, pictures, tmp_path):
    groups = [f"patient {i % 6}" if i else None for i in range(18)]
    table = tmp_path / "table.csv"
    lines = [f"{p},{y},{g or ''}" for p, y, g in zip(pictures.paths, pictures.labels, groups, strict=True)]
    table.write_text("\n".join(["image,label,group", *lines]))
    source = open_source(table)
    embed(source, tmp_path / "p.codes", n_jobs=1)
    fitted = [
        make().fit(pictures.paths, pictures.labels, groups=groups),
        make().fit_records(source.records),
        make().fit_codes(read_codes(tmp_path / "p.codes")),
        make().fit_codes(open_codes(tmp_path / "p.codes"), memory_limit="1G"),
    ]
    fitted[0].save(tmp_path / "a", include_backbone=False)
    for clf in [*fitted, load(tmp_path / "a")]:
        known = clf.predictor_.trained_groups
        asked = ["patient 1", "patient 9", None, "0", "patient 0"]
        assert find_trained_groups(known, asked).tolist() == [True, False, False, False, True]
        assert len(known) == 6
    make().fit(pictures.paths, pictures.labels).save(tmp_path / "b", include_backbone=False)
    assert len(load(tmp_path / "b").predictor_.trained_groups) == 0


@pytest.mark.slow
def test_images_that_have_tuned_the_network_are_told(make, pictures, backbone, tmp_path):
    """They are new to a head that holds them out, and not to the network."""
    hashes = [content_hash(path.read_bytes()) for path in pictures.paths[::4]]
    card = dataclasses.replace(backbone.card, seen=pack_seen(hashes))
    tuned = Backbone(backbone.model_bytes(), card)
    said = "'efficientnet-lite0' was fine-tuned on 5 of these 18 images, or chosen by them: what is measured"
    embed(pictures.root, tmp_path / "p.codes", backbone=tuned, n_jobs=1)
    with pytest.warns(ResultWarning, match=said):
        make(backbone=tuned).fit(pictures.paths, pictures.labels)
    with pytest.warns(ResultWarning, match=said):
        make(backbone=tuned).fit_codes(open_codes(tmp_path / "p.codes"), memory_limit="1G")
    for given in (read_codes(tmp_path / "p.codes"), str(pictures.root)):
        with pytest.warns(ResultWarning, match=said):
            cross_validate(make(backbone=tuned), given, cv=2)
    rest = [i for i in range(18) if i % 4]
    paths, labels = [pictures.paths[i] for i in rest], pictures.labels[rest]
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResultWarning)
        clf = make(backbone=tuned).fit(paths, labels)
    asked = [*pictures.paths[:2], b"other"]
    assert trained_on(clf.predictor_, asked) == [True, True, False]
    assert trained_on(make().fit(paths, labels).predictor_, asked) == [False, True, False]


@pytest.mark.parametrize("text", ["no hash", "-1"])
def test_stored_contents_that_are_no_hashes(text):
    with pytest.raises(StoreError, match="an image's content must be a hash"):
        shorten([text])


def test_an_unfinished_dataset_is_said(make, pictures, tmp_path):
    embed(pictures.root, tmp_path / "p.codes", n_jobs=1)
    codes = read_codes(tmp_path / "p.codes")
    unfinished = dataclasses.replace(codes, manifest=dataclasses.replace(codes.manifest, complete=False))
    with pytest.warns(UserWarning, match="the codes are incomplete: the job that wrote them did not finish"):
        make().fit_codes(unfinished.select(labelled=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make().fit_codes(codes)
