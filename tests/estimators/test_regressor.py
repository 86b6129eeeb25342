"""ImageRegressor: numbers of pictures, their intervals, and what is refused."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from sklearn.svm import SVR

import cnncodes
from cnncodes import ImageClassifier, ImageRegressor, load, read_codes
from cnncodes.errors import SavedModelError, SourceError, UnreadableImages, UsageError
from cnncodes.estimators.number_predictor import NumberPredictor
from cnncodes.estimators.saving import load_predictor
from cnncodes.heads.names import REGRESSION_HEADS

N = 24
OBJECTS = {
    "forest": RandomForestRegressor(5, random_state=0),
    "search": GridSearchCV(Ridge(), {"alpha": [1.0, 10.0]}, cv=2, scoring="r2"),
    "pipeline": make_pipeline(Normalizer(), Ridge(alpha=0.1)),
    "svr": SVR(C=100),
}


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 15, (N, 8, 8, 3)).repeat(8, axis=1).repeat(8, axis=2)
    return [
        np.clip(level + part, 0, 255).astype(np.uint8) for level, part in zip(levels(), noise, strict=True)
    ]


def levels():
    return np.linspace(20, 230, N)


@pytest.fixture(scope="module")
def make(backbone, memory):
    def build(head="ridge", **params):
        common = {"backbone": backbone, "train_views": "center", "test_views": "center", "n_jobs": 1}
        return ImageRegressor(head=head, **{**common, "memory": memory, **params})

    return build


@pytest.mark.parametrize("head", [*REGRESSION_HEADS, *OBJECTS])
def test_brightness_is_learned_and_saved(make, X, memory, tmp_path, head):
    y = levels()
    reg = make(OBJECTS.get(head, head)).fit(X[::2], y[::2])
    predicted = reg.predict(X)
    assert predicted.shape == (N,) and predicted.dtype == np.float64
    assert reg.score(X[1::2], y[1::2]) == r2_score(y[1::2], predicted[1::2]) > 0.6
    reg.save(tmp_path / "a.cnncodes")
    # The network that was saved with it makes the codes anew, but for every head once.
    again = load(tmp_path / "a.cnncodes").set_params(n_jobs=1, memory=None if head == "ridge" else memory)
    assert isinstance(again, ImageRegressor) and again.n_images_ == 12 and again.targets_ == (None,)
    np.testing.assert_array_equal(again.predict(X), predicted)
    if head in REGRESSION_HEADS:
        np.testing.assert_array_equal(again.predict_interval(X, 0.5), reg.predict_interval(X, 0.5))
        np.testing.assert_array_equal(again.novelty(X), reg.novelty(X))
    np.testing.assert_array_equal(clone(again).set_params(n_jobs=1).fit(X[::2], y[::2]).predict(X), predicted)


@pytest.mark.slow
def test_several_numbers(make, X, tmp_path):
    table = pd.DataFrame({"level": levels(), "dark": 255 - 2 * levels()})
    reg = make().fit(X, table)
    assert reg.predict(X).shape == (N, 2) and reg.targets_ == ("level", "dark")
    assert reg.predict_interval(X, 0.8).shape == (N, 2, 2)
    assert reg.score(X, table) > 0.9
    reg.save(tmp_path / "a.cnncodes", include_backbone=False)
    again = load(tmp_path / "a.cnncodes")
    assert again.targets_ == ("level", "dark")
    np.testing.assert_array_equal(again.predict(X), reg.predict(X))
    with pytest.raises(UsageError, match="must have 2 targets an image"):
        reg.score(X, levels())
    assert make().fit(X, table["level"]).targets_ == ("level",)
    # What is learned of one does not depend on the other but for the common penalty.
    alone = make().fit(X, table["level"])
    assert np.corrcoef(alone.predict(X), reg.predict(X)[:, 0])[0, 1] > 0.999


def test_intervals_are_as_wide_as_held_out_images_were_off(make, X):
    y = levels()
    reg = make().fit(X, y)
    held_out = reg.head_.held_out_
    errors = np.sort(np.abs(held_out.prediction - held_out.y)[:, 0])
    assert len(errors) == N
    interval = reg.predict_interval(X, coverage=0.8)
    np.testing.assert_allclose(interval.mean(axis=1), reg.predict(X))
    np.testing.assert_allclose(np.diff(interval)[:, 0], 2 * errors[20 - 1])  # rank 0.8 * 25
    narrow, wide = (np.diff(reg.predict_interval(X, share))[0, 0] for share in (0.5, 0.95))
    assert narrow < 2 * errors[19] < wide
    with pytest.raises(UsageError, match="takes at least 99 held-out"):
        reg.predict_interval(X, 0.99)


def test_images_of_a_group_count_as_one(make, X, tmp_path):
    groups = np.arange(N) // 2
    reg = make().fit(X, levels(), groups=groups)
    assert reg.predictor_.residuals.n_groups == 12
    assert make().fit([*X, X[0]], [*levels(), 20]).predictor_.residuals.n_groups == N  # equal files
    reg.save(tmp_path / "a.cnncodes", include_backbone=False)
    again = load(tmp_path / "a.cnncodes").set_params(n_jobs=1)
    assert again.predictor_.residuals.n_groups == 12
    assert again.predict_interval(X, 0.8).tolist() == reg.predict_interval(X, 0.8).tolist()


def test_out_of_fold_errors_of_other_heads(make, X):
    y = levels()
    reg = make(Ridge(), out_of_fold=True).fit(X, y)
    assert len(reg.predictor_.residuals.errors) == N
    assert (reg.predictor_.residuals.errors > 0.01).any()
    for fitted in (make(Ridge()).fit(X, y), make("ridge", out_of_fold=False).fit(X, y)):
        with pytest.raises(UsageError, match="keeps no errors on held-out training images"):
            fitted.predict_interval(X)
    with pytest.raises(UsageError, match="all are of one group"):
        make(Ridge(), out_of_fold=True).fit(X, y, groups=np.zeros(N))


def test_other_views_than_those_trained_on_are_told(make, X):
    reg = make(test_views="flip").fit(X, levels())
    with pytest.warns(UserWarning, match="intervals rest on the views that were trained on"):
        reg.predict_interval(X[:2], 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("aggregate", ["auto", "prediction", "code"])
def test_what_is_averaged_over_views(make, X, aggregate):
    reg = make("knn", aggregate=aggregate, train_views="flip", test_views="flip").fit(X, levels())
    from cnncodes.estimators.inputs import embed_records
    from cnncodes.images import records_from

    rows = embed_records(reg.predictor_.embedder, records_from(X), n_jobs=1)
    if aggregate == "code":
        expected = reg.predictor_.head.predict(rows.X.reshape(N, 2, -1).mean(axis=1))[:, 0]
        assert reg.predictor_.residuals is None  # the search averages predictions
    else:
        expected = reg.predictor_.head.predict(rows.X)[:, 0].reshape(N, 2).mean(axis=1)
    np.testing.assert_allclose(reg.predict(X), expected)


def test_weights_and_groups(make, X):
    y = levels()
    wrong = y.copy()
    wrong[::3] = 500
    weight = np.where(np.arange(N) % 3 == 0, 0.0, 1.0)
    reg = make().fit(X, wrong, sample_weight=weight)
    assert np.abs(reg.predict(X) - y).max() < 60
    assert reg.score(X, wrong, sample_weight=weight) > 0.9 > reg.score(X, wrong)
    with pytest.raises(UsageError, match="sample_weight must have one value an image"):
        make().fit(X, y, sample_weight=weight[:3])
    with pytest.raises(UsageError, match="sample_weight is zero for all"):
        make().fit(X, y, sample_weight=np.zeros(N))


@pytest.mark.parametrize(
    ("y", "error", "text"),
    [
        (["a"] * N, UsageError, "Got text, 'a': classes are for ImageClassifier"),
        ([True, False] * (N // 2), UsageError, "Got booleans"),
        ([np.nan] + [1.0] * (N - 1), UsageError, "at position 0: leave this image out"),
        ([np.inf] + [1.0] * (N - 1), UsageError, "infinite"),
        ([3.5] * N, SourceError, "all 24 targets are 3.5: there is nothing to learn"),
        ([1.0, 2.0], UsageError, "one target an image: 24. Got 2"),
        (None, UsageError, "y is missing"),
    ],
)
def test_targets_that_cannot_be_learned(make, X, y, error, text):
    with pytest.raises(error, match=text):
        make().fit(X, y)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"head": "logistic"}, "is a classifier, and numbers are to be predicted"),
        ({"head": LogisticRegression()}, "scikit-learn regressor"),
        ({"aggregate": "decision"}, "aggregate of a regressor must be one of 'auto', 'prediction', 'code'"),
        ({"on_error": "ignore"}, "on_error must be"),
        ({"out_of_fold": 3}, "out_of_fold must be"),
        ({"random_state": -1}, "random_state must be"),
    ],
)
def test_wrong_parameters(make, X, params, text):
    with pytest.raises(UsageError, match=text):
        make(**params).fit(X, levels())


def test_one_and_two_images(make, X):
    with pytest.raises(SourceError, match="at least 2 images; got 1"):
        make().fit(X[:1], [1.0])
    two = make().fit([X[0], X[-1]], [20.0, 230.0])
    assert two.predict(X).shape == (N,)
    with pytest.raises(UsageError, match="takes at least 9 held-out"):
        two.predict_interval(X)
    with pytest.warns(UserWarning, match="none can be held out"):
        copies = make().fit([X[0], X[-1]], [20.0, 230.0], groups=[1, 1])
    with pytest.raises(UsageError, match="keeps no errors"):
        copies.predict_interval(X)


def test_unreadable_images(make, X):
    bad = [*X[:5], b"no image"]
    with pytest.raises(UnreadableImages, match="1 of 6 images cannot be used"):
        make().fit(bad, levels()[:6])
    with pytest.warns(UserWarning, match="They were left out, with their labels"):
        assert make(on_error="skip").fit(bad, levels()[:6]).n_images_ == 5
    with pytest.raises(UnreadableImages, match="only images of the target 3.0 are left"):
        make(on_error="skip").fit([*X[:2], b"no image"], [3.0, 3.0, 4.0])
    with pytest.raises(UnreadableImages):
        make().fit(X, levels()).predict(bad)


def test_folders_whose_names_are_numbers(make, X, tmp_path):
    for number, picture in enumerate(X):
        folder = tmp_path / f"{levels()[number] // 50 * 50 + 0.5}"
        folder.mkdir(exist_ok=True)
        Image.fromarray(picture).save(folder / f"{number}.png")
    reg = make().fit(tmp_path)
    assert reg.score(tmp_path) > 0.8 and reg.n_images_ == N
    (tmp_path / "cat").mkdir()
    Image.fromarray(X[0]).save(tmp_path / "cat" / "a.png")
    with pytest.raises(UsageError, match="1 of 25 labels is no finite number: '.*cat/.* \\(cat\\)'"):
        make().fit(tmp_path)


def test_codes_with_numbers_as_labels(make, X, tmp_path):
    rows = []
    for number, picture in enumerate(X):
        Image.fromarray(picture).save(tmp_path / f"{number:02}.png")
        rows.append({"image": f"{number:02}.png", "label": levels()[number]})
    pd.DataFrame(rows).to_parquet(tmp_path / "t.parquet")
    cnncodes.embed(tmp_path / "t.parquet", tmp_path / "t.codes", views="center", dtype="float32", n_jobs=1)
    codes = read_codes(tmp_path / "t.codes")
    by_codes, by_images = make().fit_codes(codes), make().fit(X, levels())
    np.testing.assert_allclose(by_codes.predict(X), by_images.predict(X), rtol=1e-6)
    for path in (tmp_path / "t.codes", str(tmp_path / "t.codes")):
        np.testing.assert_array_equal(make().fit_codes(path).predict(X), by_codes.predict(X))


def test_the_classifier_names_the_regressor(backbone, X):
    with pytest.raises(UsageError, match="Got fractions: that is regression, for ImageRegressor"):
        ImageClassifier(backbone).fit(X, levels())


# scikit-learn's ways


def test_cross_validation_and_grid_search(make, X):
    scores = cross_val_score(make(), X, levels(), cv=3, error_score="raise")
    assert len(scores) == 3 and np.isfinite(scores).all()
    search = GridSearchCV(
        make(), {"head": ["ridge", SVR()]}, scoring="neg_mean_absolute_error", cv=2, error_score="raise"
    )
    assert search.fit(X, levels()).best_params_ == {"head": "ridge"}


def test_no_images_have_no_predictions(make, X):
    for head in ("ridge", Ridge()):
        reg = make(head).fit(X, levels())
        assert reg.predict([]).shape == (0,)
    assert make().fit(X, levels()).predict_interval([], 0.5).shape == (0, 2)


def test_the_same_seed_gives_the_same_bits_whatever_the_lanes(make, X):
    one, two = (make(n_jobs=jobs, memory=None).fit(X, levels()) for jobs in (1, 2))
    np.testing.assert_array_equal(one.predict(X), two.predict(X))
    np.testing.assert_array_equal(
        one.head_.cv_results_["squared_error"], two.head_.cv_results_["squared_error"]
    )


# Saved files


@pytest.fixture(scope="module")
def saved(make, X, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "a.cnncodes"
    make().fit(X, levels()).save(path, include_backbone=False)
    return path


def rewrite(path, target, *, card=None, members=None):
    with zipfile.ZipFile(path) as source:
        found = {name: source.read(name) for name in source.namelist()}
    text = json.loads(found["card.json"]) | (card or {})
    found |= {"card.json": json.dumps(text).encode()} | (members or {})
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in found.items():
            if data is not None:
                archive.writestr(name, data)
    return target


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("card", "members", "text"),
    [
        ({"kind": "image-ranker"}, None, "no saved classifier or regressor.*newer version"),
        ({"kind": "image-classifier"}, None, "its card.json lacks 'classes'"),
        ({"format": 99}, None, "is of format 99"),
        ({"targets": []}, None, "does not say what is predicted"),
        ({"targets": [1]}, None, "does not say what is predicted"),
        (
            {"targets": ["a", "b"], "members": []},
            {"training/residuals.npy": None},
            "predicts 1 numbers and its card names 2",
        ),
        ({"classes": ["a", "b"]}, None, "'classes', which no saved"),
        (
            {"head": {"type": "linear"}},
            None,
            "holds 'head/|lacks 'head/classes.npy'|a head linear is none of a",
        ),
        (None, {"training/answer_right.npy": b""}, "holds 'training/answer_right.npy'"),
        (None, {"training/residuals.npy": npy(np.array([[2.0], [-1.0]]))}, "finite float64 errors of 1"),
        (None, {"training/residuals.npy": npy(np.array([[np.nan]]))}, "finite float64 errors of 1"),
        (None, {"training/residuals.npy": npy(np.ones((3, 2)))}, "finite float64 errors of 1"),
        (None, {"training/residual_groups.npy": npy(np.zeros(3, np.int32))}, "numbers of the groups of 24"),
        (None, {"head/coef.npy": npy(np.full((1, 1280), np.nan))}, "do not fit together"),
        (None, {"head/coef.npy": npy(np.ones((1, 7)))}, "takes 7 columns"),
    ],
)
def test_files_that_cannot_be_right(saved, tmp_path, card, members, text):
    with pytest.raises(SavedModelError, match=text):
        load(rewrite(saved, tmp_path / "b.cnncodes", card=card, members=members))


def test_a_classifier_is_no_head_of_a_regressor_nor_the_other_way_round(make, X, backbone, tmp_path):
    y = levels()
    clf = ImageClassifier(backbone, "ridge", train_views="center", test_views="center", n_jobs=1)
    clf.fit(X, y > 100).save(tmp_path / "c.cnncodes", include_backbone=False)
    assert type(load(tmp_path / "c.cnncodes")) is ImageClassifier
    make(Ridge()).fit(X, y).save(tmp_path / "r.cnncodes", include_backbone=False)
    with zipfile.ZipFile(tmp_path / "r.cnncodes") as source:
        ridge = source.read("head/head.skops")
    with zipfile.ZipFile(tmp_path / "c.cnncodes") as source:
        arrays = {name: None for name in source.namelist() if name.startswith("head/")}
    changed = {"card": {"head": {"type": "skops"}}, "members": {**arrays, "head/head.skops": ridge}}
    with pytest.raises(SavedModelError, match="Ridge as its head, which is no classifier"):
        load(rewrite(tmp_path / "c.cnncodes", tmp_path / "d.cnncodes", **changed))


def test_the_same_regressor_saves_to_the_same_bytes(make, X, saved, tmp_path):
    make().fit(X, levels()).save(tmp_path / "b.cnncodes", include_backbone=False)
    assert (tmp_path / "b.cnncodes").read_bytes() == saved.read_bytes()


def test_predicting_needs_no_scikit_learn(saved):
    assert isinstance(load_predictor(saved), NumberPredictor)
    code = (
        "import sys, numpy as np; from cnncodes.estimators.saving import load_predictor;"
        "from cnncodes.images import records_from;"
        f"found = load_predictor({str(saved)!r}).predict_records("
        "records_from([np.zeros((64, 64, 3), np.uint8)]), n_jobs=1);"
        "assert np.isfinite(found.values).all() and found.values.shape == (1, 1);"
        "print([name for name in ('sklearn', 'scipy', 'torch', 'pandas', 'skops') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Real pictures


def cut_blurred(n_each, seed=0):
    """Return parts of photos, each blurred, by how much, and the number of the photo."""
    from skimage import data

    names = ("astronaut", "coffee", "chelsea", "rocket", "immunohistochemistry", "camera", "brick", "grass")
    names += ("gravel", "page", "text", "coins", "moon", "cell", "retina", "clock")
    rng = np.random.default_rng(seed)
    parts, radii, photos = [], [], []
    for number, name in enumerate(names):
        photo = Image.fromarray(getattr(data, name)()).convert("RGB")
        side = min(160, *photo.size)
        for _ in range(n_each):
            left, top = (int(rng.integers(0, length - side + 1)) for length in photo.size)
            radii.append(float(rng.uniform(0, 4)))
            part = photo.crop((left, top, left + side, top + side))
            parts.append(np.asarray(part.filter(ImageFilter.GaussianBlur(radii[-1]))))
            photos.append(number)
    return parts, np.array(radii), np.array(photos)


@pytest.mark.slow
def test_blur_of_photos_that_were_never_seen(make):
    parts, radii, photos = cut_blurred(20)
    test = photos % 4 == 0
    train = np.flatnonzero(~test)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reg = make().fit([parts[i] for i in train], radii[train], groups=photos[train])
    new = [parts[i] for i in np.flatnonzero(test)]
    assert reg.score(new, radii[test]) > 0.3
    assert np.abs(reg.predict(new) - radii[test]).mean() < 0.75  # of the mean blur: 1.0
    interval = reg.predict_interval(new, 0.8)
    inside = (interval[:, 0] <= radii[test]) & (radii[test] <= interval[:, 1])
    assert inside.mean() > 0.7
    # Of photos that it knows it is much surer, which is why groups are there.
    known = make().fit([parts[i] for i in range(0, len(parts), 2)], radii[::2])
    assert known.score([parts[i] for i in range(1, len(parts), 2)], radii[1::2]) > 0.6
