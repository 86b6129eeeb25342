"""A saved classifier predicts the same bits elsewhere, and a save that fails spoils nothing."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import cnncodes
from cnncodes import load
from cnncodes.errors import ResultWarning, SavedModelError, StoreError
from cnncodes.estimators.saving import load_predictor
from cnncodes.heads.estimator import LinearHead
from cnncodes.heads.names import HEADS
from cnncodes.images import records_from

OTHERS = ("forest", "svc", "neighbors", "pipeline", "calibrated", "search")
ANSWERS = ("predict", "predict_proba", "decision_function")


class OwnHead(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[np.zeros(len(X), dtype=int)]


def answers(clf, X):
    return {name: getattr(clf, name)(X) for name in ANSWERS if hasattr(clf, name)}


def assert_equal_answers(one, two):
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert np.asarray(value).dtype == np.asarray(two[name]).dtype
        np.testing.assert_array_equal(value, two[name], err_msg=name)


def refused(path, text, error=SavedModelError):
    with pytest.raises(error, match=text):
        load_predictor(path)


# Round trips


def test_a_search_that_ends_a_pipeline_is_saved_as_its_best_estimator(make, pictures, tmp_path):
    search = GridSearchCV(SVC(), {"C": [1.0, 10.0]}, cv=2)
    clf = make(make_pipeline(StandardScaler(), search), train_views="flip", test_views="flip")
    clf.fit(pictures.arrays, pictures.labels)
    clf.save(tmp_path / "x.cnncodes")
    assert_equal_answers(
        answers(clf, pictures.arrays), answers(load(tmp_path / "x.cnncodes"), pictures.arrays)
    )


ELSEWHERE = """
import sys
import numpy as np
import cnncodes
from cnncodes.estimators.saving import load_predictor
from cnncodes.images import records_from

folder, linear, others, *paths = sys.argv[1:]
heavy = ("sklearn", "scipy", "torch", "onnx", "pandas", "skops")

def show(names):
    for name in names.split(","):
        predictor = load_predictor(f"{folder}/{name}.cnncodes")
        found = predictor.predict_records(records_from(paths), n_jobs=1)
        np.save(f"{folder}/{name}-labels.npy", np.array(found.labels))
        if found.proba is not None:
            np.save(f"{folder}/{name}-proba.npy", found.proba)
    print(*[name for name in heavy if name in sys.modules], sep=",")

show(linear)
show(others)
for name in (linear + "," + others).split(","):
    clf = cnncodes.load(f"{folder}/{name}.cnncodes").set_params(n_jobs=1)
    for answer in ("predict", "predict_proba", "decision_function"):
        if hasattr(clf, answer):
            np.save(f"{folder}/{name}-{answer}.npy", getattr(clf, answer)(paths))
"""


@pytest.mark.slow
def test_a_new_process_gives_the_same_bits(fitted, pictures, tmp_path):
    others = ("forest", "svc", "calibrated")
    for name in (*HEADS, *others):
        fitted(name).save(tmp_path / f"{name}.cnncodes", include_backbone=name == "ridge")
    paths = [str(path) for path in pictures.paths[::6]]
    environment = {**os.environ, "PYTHONPATH": str(Path(cnncodes.__file__).parents[1])}
    arguments = [str(tmp_path), ",".join(HEADS), ",".join(others), *paths]
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *arguments],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    after_linear, after_others = done.stdout.splitlines()
    assert after_linear == ""  # no scikit-learn, no PyTorch: arrays and NumPy alone
    assert "sklearn" in after_others  # the control: the list does show what is loaded
    for name in (*HEADS, *others):
        here = answers(fitted(name), paths)
        there = {answer: np.load(tmp_path / f"{name}-{answer}.npy") for answer in here}
        assert_equal_answers(here, there)
        assert np.load(tmp_path / f"{name}-labels.npy").tolist() == here["predict"].tolist()
        if "predict_proba" in here:
            np.testing.assert_array_equal(np.load(tmp_path / f"{name}-proba.npy"), here["predict_proba"])


@pytest.mark.parametrize("name", [*HEADS, *OTHERS])
def test_loading_gives_an_equal_classifier(fitted, saved, pictures, memory, name):
    clf, loaded = fitted(name), load(saved(name)).set_params(n_jobs=1, memory=memory)
    assert_equal_answers(answers(clf, pictures.arrays), answers(loaded, pictures.arrays))
    assert loaded.score(pictures.arrays, pictures.labels) == clf.score(pictures.arrays, pictures.labels)
    assert (loaded.n_images_, loaded.space_, loaded.train_plan_) == (18, clf.space_, clf.train_plan_)
    np.testing.assert_array_equal(loaded.classes_, clf.classes_)


@pytest.mark.parametrize("name", ["ridge", "svc"])
def test_what_was_loaded_can_be_fitted_again(fitted, saved, pictures, memory, name):
    again = load(saved(name)).set_params(n_jobs=1, memory=memory).fit(pictures.arrays, pictures.labels)
    assert_equal_answers(answers(fitted(name), pictures.arrays), answers(again, pictures.arrays))


@pytest.mark.parametrize(
    ("labels", "weight"),
    [
        (np.arange(18) // 6, {0: 2.0, 1: 1.0, 2: 3}),
        (np.arange(18) % 2 == 0, {np.True_: np.float32(2)}),
        (np.repeat(["ä", "b c", " d"], 6), "balanced"),
    ],
)
def test_parameters_and_classes_keep_their_types(make, pictures, tmp_path, labels, weight):
    params = {"class_weight": weight, "on_error": "skip", "random_state": np.int64(3), "decode": "fast"}
    clf = make("ridge", **params).fit(pictures.arrays, labels)
    clf.save(tmp_path / "a.cnncodes")
    loaded = load(tmp_path / "a.cnncodes")
    assert loaded.classes_.dtype == clf.classes_.dtype
    assert loaded.classes_.tolist() == clf.classes_.tolist()
    params |= {"head": "ridge", "train_views": clf.train_plan_, "test_views": clf.train_plan_}
    assert {name: getattr(loaded, name) for name in params} == params
    assert loaded.backbone.sha256 == clf.backbone.sha256 and loaded.memory is None
    loaded.save(tmp_path / "b.cnncodes")
    assert (tmp_path / "a.cnncodes").read_bytes() == (tmp_path / "b.cnncodes").read_bytes()


@pytest.mark.parametrize("name", ["logistic", "forest", "pipeline"])
def test_the_same_classifier_saves_to_the_same_bytes(fitted, make, pictures, tmp_path, name):
    fitted(name).save(tmp_path / "a", include_backbone=False)
    fitted(name).save(tmp_path / "b", include_backbone=False)
    twin = clone(fitted(name)).fit(pictures.arrays, pictures.labels)
    twin.save(tmp_path / "c", include_backbone=False)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()
    with zipfile.ZipFile(tmp_path / "a") as source:
        assert source.namelist()[0] == "card.json"
        assert next(iter(json.loads(source.read("card.json")))) == "format"


def test_a_folder_with_the_members_is_read_too(fitted, saved, pictures, tmp_path):
    zipfile.ZipFile(saved("ridge")).extractall(tmp_path / "ridge")
    expected = fitted("ridge").predict_proba(pictures.arrays)
    loaded = load(tmp_path / "ridge")
    np.testing.assert_array_equal(loaded.predict_proba(pictures.arrays), expected)
    (tmp_path / "ridge" / "more").mkdir()
    (tmp_path / "ridge" / "more" / "run.py").write_text("")
    refused(tmp_path / "ridge", "holds 'more/run.py'")


def test_a_head_of_ours_given_as_an_object(make, pictures, tmp_path):
    clf = make(LinearHead("ridge", C=1.0)).fit(pictures.arrays, pictures.labels)
    clf.save(tmp_path / "a", include_backbone=False)
    assert load(tmp_path / "a").head == "ridge"


def test_the_views_of_the_fit_are_saved_not_those_set_since(make, pictures, tmp_path):
    clf = make().fit(pictures.arrays, pictures.labels).set_params(train_views="tencrop")
    clf.save(tmp_path / "a", include_backbone=False)
    assert load(tmp_path / "a").train_views == clf.train_plan_


def test_unreadable_images_have_an_empty_prediction(saved, pictures):
    predictor = load_predictor(saved("ridge"))
    found = predictor.predict_records(records_from([pictures.arrays[0], b"no picture"]))
    assert found.labels == ["dark", None] and list(found.failures) == [1]
    assert np.isnan(found.proba[1]).all() and found.proba[0].sum() == pytest.approx(1)
    nothing = predictor.predict_records(records_from([b"no picture"]))
    assert nothing.labels == [None]


# Writing


@pytest.mark.parametrize("head", [OwnHead(), HistGradientBoostingClassifier(max_iter=2)])
def test_a_head_that_could_not_be_loaded_is_not_saved(make, pictures, tmp_path, head):
    clf = make(head).fit(pictures.arrays, pictures.labels)
    with pytest.raises(
        SavedModelError, match=f"a head {type(head).__name__} cannot be saved: it holds .*safe. Take another"
    ):
        clf.save(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_failing_save_keeps_the_old_file(fitted, tmp_path, monkeypatch):
    path = tmp_path / "a.cnncodes"
    fitted("ridge").save(path, include_backbone=False)
    before = path.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="disk is full"):
        fitted("logistic").save(path, include_backbone=False)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_where_it_is_saved(fitted, tmp_path):
    fitted("ridge").save(tmp_path / "new" / "folder" / "a", include_backbone=False)
    fitted("logistic").save(tmp_path / "new" / "folder" / "a", include_backbone=False)
    assert load(tmp_path / "new" / "folder" / "a").head == "logistic"
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write"):
        fitted("ridge").save(tmp_path / "file" / "a", include_backbone=False)
    with pytest.raises(StoreError, match="cannot write"):
        fitted("ridge").save(tmp_path / "new", include_backbone=False)


# Less precision


@pytest.mark.slow
@pytest.mark.parametrize("include_backbone", [True, False])
def test_an_int8_classifier_predicts_the_same_elsewhere(pictures, tmp_path, include_backbone):
    backbone = cnncodes.load_backbone(precision="int8")
    clf = cnncodes.ImageClassifier(backbone, "ridge", train_views="center", test_views="center")
    clf.fit(pictures.arrays, pictures.labels)
    clf.save(tmp_path / "int8.cnncodes", include_backbone=include_backbone)
    again = load(tmp_path / "int8.cnncodes")
    assert again.space_ == clf.space_ and again.space_.precision == "int8"
    assert again.predictor_.embedder.backbone.sha256 == backbone.sha256
    assert_equal_answers(answers(again, pictures.arrays), answers(clf, pictures.arrays))
    refitted = clone(again).fit(pictures.arrays, pictures.labels)  # with the same network, not with fp32
    assert refitted.space_ == clf.space_
    size = (tmp_path / "int8.cnncodes").stat().st_size
    assert (3_000_000 < size < 5_000_000) if include_backbone else size < 500_000


def test_without_its_network_an_int8_classifier_needs_that_precision(pictures, tmp_path, monkeypatch):
    """At hand is a network of that name without an int8 file."""
    clf = cnncodes.ImageClassifier(
        cnncodes.load_backbone(precision="int8"), "ridge", train_views="center", test_views="center"
    ).fit(pictures.arrays, pictures.labels)
    clf.save(tmp_path / "int8.cnncodes", include_backbone=False)
    full = cnncodes.load_backbone()
    folder = tmp_path / "zoo" / "efficientnet-lite0"
    folder.mkdir(parents=True)
    files = {"model.onnx": full.sha256}
    card = dataclasses.replace(full.card, files=files, precisions={}, quantization={})
    card.write(folder / "card.toml")
    (folder / "model.onnx").write_bytes(full.model_bytes())
    monkeypatch.setattr("cnncodes.backbones.zoo.models_folder", lambda: tmp_path / "zoo")
    refused(tmp_path / "int8.cnncodes", "has no int8 file; it has fp32", cnncodes.errors.BackboneError)


# What a head was fitted with


def read_settings_of(path):
    with zipfile.ZipFile(path) as source:
        return json.loads(source.read("card.json"))["settings"]


@pytest.mark.parametrize(
    ("name", "keys"),
    [("ridge", {"C", "scaling"}), ("knn", {"k", "scaling"}), ("centroid", {"scaling"})],
)
def test_the_card_says_what_the_head_was_fitted_with(fitted, saved, tmp_path, name, keys):
    found = read_settings_of(saved(name))
    head = fitted(name).head_
    assert found == {key: getattr(head, f"{key}_") for key in keys} and set(found) == keys
    load(saved(name)).save(tmp_path / "again.cnncodes", include_backbone=False)
    assert read_settings_of(tmp_path / "again.cnncodes") == found


@pytest.mark.parametrize("settings", [[], {"C": "1"}, {"C": float("inf")}, {"scaling": 1}, {"D": 1.0}])
def test_settings_that_are_none_are_damage_and_older_files_have_none(saved, tmp_path, settings):
    path = tmp_path / "changed.cnncodes"
    with zipfile.ZipFile(saved("ridge")) as source, zipfile.ZipFile(path, "w") as target:
        for member in source.namelist():
            card = json.loads(source.read(member)) if member == "card.json" else None
            text = source.read(member) if card is None else json.dumps(card | {"settings": settings})
            target.writestr(member, text)
    refused(path, "is damaged: .*settings in its card.json")


def test_a_card_without_settings_is_read(saved, tmp_path):
    path = tmp_path / "older.cnncodes"
    with zipfile.ZipFile(saved("ridge")) as source, zipfile.ZipFile(path, "w") as target:
        for member in source.namelist():
            content = source.read(member)
            if member == "card.json":
                card = json.loads(content)
                del card["settings"]
                content = json.dumps(card)
            target.writestr(member, content)
    load(path).save(tmp_path / "again.cnncodes", include_backbone=False)
    assert read_settings_of(tmp_path / "again.cnncodes") == {}


def test_a_head_of_another_scikit_learn_is_told_once(saved, monkeypatch):
    path = saved("forest")
    monkeypatch.setattr("sklearn.base.__version__", "99.0")
    with pytest.warns(ResultWarning, match=r"saved with scikit-learn \d+\.\d+.*, and another") as told:
        load(path)
    assert len(told) == 1


def test_a_head_that_another_scikit_learn_cannot_use_is_refused_as_it_is_loaded(saved, monkeypatch):
    def fail(*_):
        raise AttributeError("'LogisticRegression' object has no attribute 'multi_class'")

    path = saved("pipeline")
    monkeypatch.setattr("sklearn.base.__version__", "99.0")
    monkeypatch.setattr(LogisticRegression, "predict_proba", fail)
    with pytest.raises(SavedModelError, match=r"use its head \(.*multi_class.* Install scikit-learn \d"):
        load(path)
