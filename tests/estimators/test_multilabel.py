"""ImageMultiLabelClassifier: several labels of pictures, saved and loaded, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import cross_val_score

from cnncodes import ImageClassifier, ImageMultiLabelClassifier, embed, load, read_codes
from cnncodes.errors import ResultWarning, SavedModelError, SourceError, UnreadableImages, UsageError
from cnncodes.estimators.label_predictor import LabelPredictor
from cnncodes.estimators.saving import load_predictor
from cnncodes.heads.names import MULTILABEL_HEADS

N = 24
COLOURS = ("red", "green", "blue")


def label(number):
    return {name for bit, name in enumerate(COLOURS) if number >> bit & 1}


@pytest.fixture(scope="module")
def X():
    """Return pictures, each of which has a stripe for each colour that is among its labels."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 60, (N, 8, 8, 3), dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    for number, picture in enumerate(pictures):
        for bit, name in enumerate(COLOURS):
            picture[20 * bit : 20 * bit + 20, :, bit] += np.uint8(150 * (name in label(number)))
    return list(pictures)


@pytest.fixture
def y():
    return [label(number) for number in range(N)]


@pytest.fixture(scope="module")
def make(backbone, memory):
    def build(head="ridge", **params):
        common = {"backbone": backbone, "train_views": "center", "test_views": "center", "n_jobs": 1}
        return ImageMultiLabelClassifier(head=head, **{**common, "memory": memory, **params})

    return build


@pytest.mark.parametrize("head", MULTILABEL_HEADS)
def test_stripes_are_learned_and_saved(make, X, y, tmp_path, head):
    clf = make(head).fit(X[:16], y[:16])
    assert clf.classes_.tolist() == ["blue", "green", "red"] and clf.n_images_ == 16
    named, proba = clf.predict(X), clf.predict_proba(X)
    assert named.shape == proba.shape == (N, 3) and named.dtype == np.int64
    np.testing.assert_array_equal(named, (proba >= clf.thresholds_).astype(int))
    assert clf.predict_labels(X) == [clf.classes_[row > 0].tolist() for row in named]
    assert clf.score(X, y) > (0.4 if head == "knn" else 0.9)
    clf.save(tmp_path / "a.cnncodes", include_backbone=False)
    again = load(tmp_path / "a.cnncodes").set_params(n_jobs=1)
    assert isinstance(again, ImageMultiLabelClassifier) and again.classes_.tolist() == clf.classes_.tolist()
    np.testing.assert_array_equal(again.predict_proba(X), proba)
    np.testing.assert_array_equal(again.predict(X), named)
    np.testing.assert_array_equal(again.novelty(X), clf.novelty(X))
    if head == "ridge":  # the quickest
        refitted = clone(again).set_params(n_jobs=1).fit(X[:16], y[:16])
        np.testing.assert_array_equal(refitted.predict_proba(X), proba)
    clf.save(tmp_path / "b.cnncodes", include_backbone=False)
    assert (tmp_path / "a.cnncodes").read_bytes() == (tmp_path / "b.cnncodes").read_bytes()


def test_y_of_every_make_gives_the_same(make, X, y):
    expected = make().fit(X, y)
    table = pd.DataFrame({name: [name in labels for labels in y] for name in sorted(COLOURS)})
    texts = ["|".join(labels) or "|" for labels in y]
    for clf in (make().fit(X, table), make(label_delimiter="|").fit(X, texts)):
        assert clf.classes_.tolist() == expected.classes_.tolist()
        np.testing.assert_array_equal(clf.predict_proba(X), expected.predict_proba(X))
    numbered = make().fit(X, table.to_numpy())
    assert numbered.classes_.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(numbered.predict_proba(X), expected.predict_proba(X))


def test_the_order_of_images_does_not_matter(make, X, y):
    order = np.random.default_rng(0).permutation(N)
    expected = make().fit(X, y).predict_proba(X)
    found = make().fit([X[i] for i in order], [y[i] for i in order]).predict_proba(X)
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_score_is_the_subset_accuracy(make, X, y):
    clf = make().fit(X[:16], y[:16])
    truth = np.array([[name in labels for name in clf.classes_] for labels in y])
    truth[:5, 0] ^= True
    sets = [{str(name) for name in clf.classes_[row]} for row in truth]
    weight = np.linspace(1, 2, N)
    expected = accuracy_score(truth, clf.predict(X), sample_weight=weight)
    assert clf.score(X, sets, weight) == clf.score(X, truth, weight) == pytest.approx(expected)
    with pytest.warns(ResultWarning, match="1 of the labels here is unknown .* never names it: 'unknown'"):
        assert clf.score(X[:1], [{"unknown"}]) == 0


def test_scikit_learn_takes_it(make, X, y):
    truth = np.array([[name in labels for name in COLOURS] for labels in y], dtype=int)
    scores = cross_val_score(make(), X, truth, cv=3, scoring="f1_macro")
    assert scores.mean() > 0.8 and is_classifier(make())


def test_stored_codes_are_divided_by_the_delimiter(make, X, y, backbone, tmp_path):
    from PIL import Image

    rows = []
    for number, (picture, labels) in enumerate(zip(X, y, strict=True)):
        Image.fromarray(picture).save(tmp_path / f"{number:02}.png")
        rows.append({"image": f"{number:02}.png", "label": "|".join(sorted(labels)) or "|"})
    pd.DataFrame(rows).to_csv(tmp_path / "all.csv", index=False)
    embed(tmp_path / "all.csv", tmp_path / "a.codes", backbone=backbone, views="center", dtype="float32")
    codes = read_codes(tmp_path / "a.codes")
    found = make(label_delimiter="|").fit_codes(codes)
    paths = [tmp_path / row["image"] for row in rows]
    np.testing.assert_allclose(found.predict_proba(X), make().fit(paths, y).predict_proba(X), atol=1e-5)
    by_path = make(label_delimiter="|").fit_codes(tmp_path / "a.codes")
    np.testing.assert_array_equal(by_path.predict_proba(X), found.predict_proba(X))
    with pytest.raises(UsageError, match="labels of a source are texts such as"):
        make().fit_codes(codes)
    with pytest.raises(UsageError, match=r"none of the 24 labels holds the delimiter ';'.*Did you mean '\|'"):
        make(label_delimiter=";").fit_codes(codes)


@pytest.mark.parametrize("aggregate", ["auto", "code"])
def test_what_is_averaged_over_views(make, X, y, aggregate):
    from cnncodes.estimators.inputs import embed_records
    from cnncodes.images import records_from

    clf = make(aggregate=aggregate, train_views="flip", test_views="flip").fit(X, y)
    rows = embed_records(clf.predictor_.embedder, records_from(X), n_jobs=1)
    head = clf.predictor_.head
    if aggregate == "code":
        expected = head.decision(rows.X.reshape(N, 2, -1).mean(axis=1))
    else:
        expected = head.decision(rows.X).reshape(N, 2, 3).mean(axis=1)
    np.testing.assert_allclose(clf.decision_function(X), expected, atol=1e-9)
    np.testing.assert_allclose(clf.predict_proba(X), head.proba_from_decision(expected), atol=1e-9)


def test_thresholds_are_those_of_the_user_or_of_held_out_images(make, X, y):
    assert (make(threshold=0.25).fit(X, y).thresholds_ == 0.25).all()
    clf = make().fit(X, y)
    held_out = clf.head_.held_out_
    proba = clf.head_.scorer_.proba_from_decision(held_out.prediction)
    named = proba >= clf.thresholds_
    assert (np.average(named == (held_out.y > 0), axis=0) > 0.8).all()


def test_a_label_of_one_image_is_told(make, X, y):
    y[3] |= {"rare"}
    with pytest.warns(UserWarning, match=r"1 of 4 labels is had, or lacked, by images of one group.*'rare'"):
        clf = make().fit(X, y)
    assert clf.predict_proba(X).shape == (N, 4)


def test_images_that_cannot_be_read(make, X, y, tmp_path):
    broken = [*X, b"no image", b"nor this"]
    with pytest.raises(UnreadableImages):
        make().fit(broken, [*y, set(), {"red"}])
    with pytest.warns(UserWarning, match="2 of 26 images cannot be used"):
        clf = make(on_error="skip").fit(broken, [*y, set(), {"red"}])
    assert clf.n_images_ == N
    with (
        pytest.raises(SourceError, match="1 label is on none of the 24 images.*'gone'"),
        pytest.warns(UserWarning, match="cannot be used"),
    ):
        make(on_error="skip").fit(broken, [*y, set(), {"gone"}])
    found = clf.predictor_.predict_records(_records(broken), n_jobs=1)
    assert np.isnan(found.proba[N:]).all() and not found.named[N:].any() and set(found.failures) == {N, N + 1}
    assert found.trained_on.sum() == N


def _records(X):
    from cnncodes.images import records_from

    return records_from(X)


def test_weights_and_groups(make, X, y):
    weight = np.where(np.arange(N) < 16, 1.0, 0.0)
    wrong = [*y[:16], *({"red", "green", "blue"},) * 8]
    expected = make().fit(X[:16], y[:16]).predict_proba(X)
    np.testing.assert_allclose(make().fit(X, wrong, weight).predict_proba(X), expected, atol=0.1)
    with pytest.raises(SourceError, match="1 label is on none of the 16 images"):
        make().fit(X, [*y[:16], *({"other"},) * 8], weight)
    grouped = make().fit(X, y, groups=np.arange(N) // 8)
    assert grouped.head_.n_folds_ == 3


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda y: [labels | {"all"} for labels in y], SourceError, "1 label is on all of the 24 images"),
        (lambda y: [set()] * N, SourceError, "none of the 24 images has a label"),
        (lambda y: y[:3], UsageError, "one label set an image: 24. Got 3"),
        (lambda y: ["red"] * N, UsageError, "say by label_delimiter"),
        (lambda y: None, UsageError, "y is missing"),
    ],
)
def test_labels_that_cannot_be_learned(make, X, y, change, error, text):
    with pytest.raises(error, match=text):
        make().fit(X, change(y))


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"head": "lda"}, "takes one label an image"),
        ({"head": LogisticRegression()}, "head must be one of logistic, ridge, knn"),
        ({"aggregate": "probability"}, "aggregate of a multi-label classifier must be one of"),
        ({"threshold": 0}, "threshold must be"),
        ({"label_delimiter": ""}, "label_delimiter must be"),
        ({"on_error": "ignore"}, "on_error must be"),
    ],
)
def test_wrong_parameters(make, X, y, params, text):
    with pytest.raises(UsageError, match=text):
        make(**params).fit(X, y)


def test_what_takes_one_label_says_who_takes_several(backbone, make, X, y):
    with pytest.raises(UsageError, match="are for ImageMultiLabelClassifier"):
        ImageClassifier(backbone).fit(X, y)


# Saved files


@pytest.fixture(scope="module")
def saved(make, X, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "a.cnncodes"
    clf = make(label_delimiter="|", threshold=0.4)
    clf.fit(X, [label(number) for number in range(N)]).save(path, include_backbone=False)
    return path


def test_a_saved_file_predicts_without_scikit_learn(saved):
    code = (
        "import sys; from cnncodes.estimators.saving import load_predictor;"
        f"p = load_predictor({str(saved)!r}); print(p.delimiter, 'sklearn' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["|", "False"]
    assert isinstance(load_predictor(saved), LabelPredictor)
    again = load(saved)
    assert (again.label_delimiter, again.threshold, again.head) == ("|", 0.4, "ridge")


def change_card(saved, path, change):
    with zipfile.ZipFile(saved) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    card = json.loads(members.pop("card.json"))
    change(card)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("card.json", json.dumps(card))
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda card: card.update(classes=["a", "b", "c"]), "classes of its head are not those of its card"),
        (lambda card: card.update(label_delimiter=3), "label_delimiter must be a text"),
        (lambda card: card["params"].update(threshold=2), "threshold must be"),
        (lambda card: card["params"].update(aggregate="probability"), "aggregate of a multi-label"),
        (lambda card: card["head"].update(type="linear"), "holds 'head/"),
        (lambda card: card["head"].update(type="skops"), "holds 'head/"),
        (lambda card: card.update(kind="image-regressor"), "lacks 'targets'"),
        (lambda card: card.update(shares=[1, 2, 3]), "holds 'shares'"),
        (lambda card: card.pop("label_delimiter"), "is damaged"),
    ],
)
def test_a_damaged_file_is_refused(saved, tmp_path, change, text):
    change_card(saved, tmp_path / "a", change)
    with pytest.raises(SavedModelError, match=text):
        load_predictor(tmp_path / "a")
