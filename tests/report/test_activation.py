"""Class activation maps: exact, in their place, or not there for a reason."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_reports import CODE_SIZE, draw_records, make_head, make_label_head
from PIL import Image

from cnncodes import load_backbone
from cnncodes.backbones import Backbone
from cnncodes.embedding import Embedder
from cnncodes.errors import BackboneError, BackendMissing
from cnncodes.estimators.label_predictor import LabelPredictor
from cnncodes.estimators.predictor import Predictor
from cnncodes.images import Decoding, decode
from cnncodes.report.activation import Activation, map_class, needs_onnx, prepare_activations
from cnncodes.views import ViewPlan


@given(st.integers(2, 5), st.booleans(), st.integers(0, 99))
def test_the_mean_of_a_map_and_the_intercept_are_the_decision_value(
    n_classes: int, l2_normalize: bool, seed: int
) -> None:
    head = make_head([f"c{i}" for i in range(n_classes)], seed=seed, l2_normalize=l2_normalize)
    features = np.random.default_rng(seed).random((CODE_SIZE, 4, 3)).astype(np.float32)
    decision = head.decision(features.mean(axis=(1, 2), dtype=np.float64)[None])[0]
    # Of two classes there is one value, for the second.
    expected = [-decision, decision] if n_classes == 2 else decision
    for index in range(n_classes):
        values, intercept = map_class(head, features, index)
        assert values.shape == (4, 3)
        assert values.mean() + intercept == pytest.approx(expected[index], abs=1e-9)


@pytest.mark.parametrize("plan", ["center", "flip"])
def test_the_map_of_a_label_is_above_0_on_the_mean_where_it_is_named(averaging: Backbone, plan: str) -> None:
    head = make_label_head(["sea", "sky"])
    predictor = LabelPredictor(Embedder(averaging, ViewPlan.parse(plan), Decoding()), head)
    activations = prepare_activations(predictor)
    assert activations.is_whole
    for record in draw_records(["a", "b", "c"]):
        [codes] = predictor.embedder.embed([record])
        [proba] = predictor.score(codes.codes, np.array([len(codes.codes)]))
        for i, label in enumerate(["sea", "sky"]):
            mean = activations.look(decode(record.read()), codes.content, label).values.mean()
            odds = [np.log(share / (1 - share)) for share in (proba[i], head.threshold[i])]
            assert mean == pytest.approx(odds[0] - odds[1], rel=1e-3, abs=1e-4)
            assert (mean >= 0) == head.choose(proba)[i]


def test_where_nothing_is_seen_a_normalised_code_adds_nothing() -> None:
    head = make_head(["a", "b", "c"], l2_normalize=True)
    values, intercept = map_class(head, np.zeros((CODE_SIZE, 2, 2), np.float32), 1)
    assert not values.any() and intercept == head.intercept[1]


@pytest.mark.parametrize("classes", [("a", "b"), ("a", "b", "c")])
@pytest.mark.parametrize("plan", ["center", "flip"])
def test_the_map_of_a_picture_is_what_its_answer_is_made_of(
    averaging: Backbone, classes: tuple[str, ...], plan: str
) -> None:
    predictor = Predictor(Embedder(averaging, ViewPlan.parse(plan), Decoding()), make_head(classes))
    activations = prepare_activations(predictor)
    assert activations.is_whole
    for record in draw_records(["a", "b", "a"]):
        [codes] = predictor.embedder.embed([record])
        scores = predictor.score(codes.codes, np.array([len(codes.codes)]))
        found = activations.look(decode(record.read()), codes.content, str(scores.labels[0]))
        most = np.abs(scores.decision[0]) if len(classes) == 2 else scores.decision[0].max()
        assert found.values.shape == (15, 15)
        assert found.values.mean() == pytest.approx(most, rel=1e-4)


def test_a_mirrored_view_is_turned_back(averaging: Backbone) -> None:
    left = np.zeros((32, 32, 3), np.uint8)
    left[:, :16] = 255
    maps = []
    for plan in ("center", "flip"):
        predictor = Predictor(Embedder(averaging, ViewPlan.parse(plan), Decoding()), make_head("abc"))
        maps.append(prepare_activations(predictor).look(Image.fromarray(left), "00", "a").values)
    halves = [values[:, :7].mean() - values[:, 8:].mean() for values in maps]
    assert abs(halves[0]) > 0.1 and halves[1] == pytest.approx(halves[0], rel=0.2)


def test_views_of_several_places_have_the_map_of_the_central_one(averaging: Backbone) -> None:
    predictor = Predictor(Embedder(averaging, ViewPlan.parse("tencrop"), Decoding()), make_head("abc"))
    activations = prepare_activations(predictor)
    assert not activations.is_whole and activations.plan == ViewPlan.parse("center")
    found = activations.look(Image.new("RGB", (80, 40)), "00", "a")
    # The short side of 40 pixels is resized to 40, and 32 of them are seen.
    assert found.box == (24.0, 4.0, 56.0, 36.0)


@pytest.mark.parametrize(
    ("aggregate", "l2_normalize", "is_whole"),
    [("auto", True, True), ("code", False, True), ("code", True, False), ("probability", False, False)],
)
def test_a_map_is_whole_where_the_answer_averages_decision_values(
    averaging: Backbone, aggregate: str, l2_normalize: bool, is_whole: bool
) -> None:
    head = make_head("abc", l2_normalize=l2_normalize)
    embedder = Embedder(averaging, ViewPlan.parse("flip"), Decoding())
    predictor = Predictor(embedder, head, aggregate=aggregate)
    activations = prepare_activations(predictor)
    assert activations.is_whole == is_whole
    if is_whole:
        [record] = draw_records(["a"])
        [codes] = embedder.embed([record])
        [values] = predictor.score(codes.codes, np.array([2])).decision
        for index, label in enumerate("abc"):
            found = activations.look(decode(record.read()), codes.content, label)
            assert found.values.mean() == pytest.approx(values[index], rel=1e-4, abs=1e-4)


def test_of_one_view_the_map_is_whole_whatever_is_averaged(averaging: Backbone) -> None:
    head, plan = make_head("abc"), ViewPlan(short_sides=(48,))
    predictor = Predictor(Embedder(averaging, plan, Decoding()), head, aggregate="probability")
    activations = prepare_activations(predictor)
    assert plan.count == 1 and activations.is_whole and activations.plan == plan
    [record] = draw_records(["a"])
    [codes] = predictor.embedder.embed([record])
    [values] = head.decision(codes.codes)
    found = activations.look(decode(record.read()), codes.content, "b")
    assert found.values.mean() == pytest.approx(values[1], rel=1e-4, abs=1e-4)


def test_a_code_that_is_no_mean_of_a_map_has_none(bent: Backbone) -> None:
    head = make_head("abc", code_size=7)
    with pytest.raises(BackboneError, match="not the mean of its last map"):
        prepare_activations(Predictor(Embedder(bent, ViewPlan.parse("flip"), Decoding()), head))


def test_a_head_that_is_not_linear_has_none(averaging: Backbone) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    with pytest.raises(BackboneError, match="KNeighborsClassifier, is not linear"):
        prepare_activations(
            Predictor(Embedder(averaging, ViewPlan.parse("flip"), Decoding()), KNeighborsClassifier())
        )


def test_without_onnx_the_extra_is_named(averaging: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(BackendMissing, match=r"ONNX is not installed: pip install .*\[report\]"):
        prepare_activations(
            Predictor(Embedder(averaging, ViewPlan.parse("flip"), Decoding()), make_head("abc"))
        )


def test_onnx_is_not_what_a_head_or_a_precision_without_maps_needs(
    averaging: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    linear = Predictor(Embedder(averaging, ViewPlan.parse("flip"), Decoding()), make_head("abc"))
    assert not needs_onnx(linear)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert needs_onnx(linear)
    other = Predictor(Embedder(averaging, ViewPlan.parse("flip"), Decoding()), KNeighborsClassifier())
    int8 = Embedder(load_backbone(precision="int8"), ViewPlan.parse("flip"), Decoding())
    assert not needs_onnx(other) and not needs_onnx(Predictor(int8, make_head("abc")))


def test_orange_speaks_for_a_class_and_blue_against_it() -> None:
    values = np.array([[3.0, -3.0], [0.0, 1.0]])
    picture = Image.open(io.BytesIO(Activation(values, (0, 0, 1, 1)).to_png()))
    assert picture.mode == "RGBA" and picture.size == (16, 16)
    strong, against = picture.getpixel((0, 0)), picture.getpixel((15, 0))
    assert strong[:3] == (213, 94, 0) and against[:3] == (0, 114, 178)
    assert strong[3] == against[3] == 183 and picture.getpixel((15, 15))[3] < 120


@pytest.mark.slow
def test_the_zoos_network_has_maps_that_are_exact() -> None:
    backbone = load_backbone()
    head = make_head("abc", code_size=1280)
    predictor = Predictor(Embedder(backbone, ViewPlan.parse("flip"), Decoding()), head)
    [record] = draw_records(["a"])
    [codes] = predictor.embedder.embed([record])
    scores = predictor.score(codes.codes, np.array([2]))
    found = prepare_activations(predictor).look(decode(record.read()), codes.content, str(scores.labels[0]))
    assert found.values.shape == (7, 7)
    assert found.values.mean() == pytest.approx(scores.decision[0].max(), rel=1e-4)
