"""Classifiers fitted on codes that stay on disk."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from made_codes import make_table, write_codes
from sklearn.svm import SVC

from cnncodes import (
    ImageClassifier,
    ImageMultiLabelClassifier,
    ImageRegressor,
    embed,
    load,
    load_backbone,
    open_codes,
    read_codes,
)
from cnncodes.embedding import Embedder
from cnncodes.errors import SourceError, StoreError, UsageError
from cnncodes.estimators import streaming
from cnncodes.store import Manifest, StoredViews
from cnncodes.store.shards import write_shard
from cnncodes.views import ViewPlan

PLENTY = "8G"


SIZE = 80


@pytest.fixture(scope="module")
def low():
    """A layer of the zoo's network with short codes, of which statistics are quickly decomposed."""
    return load_backbone(layer="add_3")


@pytest.fixture
def make(low, memory):
    def build(head="ridge", **params):
        common = {"backbone": low, "train_views": "center", "test_views": "center", "n_jobs": 2}
        common["memory"] = memory
        return ImageClassifier(head=head, **(common | params))

    return build


@pytest.fixture(scope="module")
def empty(low) -> Manifest:
    """The manifest of a dataset without rows."""
    plan = ViewPlan.parse("center")
    views = StoredViews(plan.to_dict(), asdict(low.frame))
    return Manifest(Embedder(low, plan).space, views)


@pytest.fixture(scope="module")
def photos(pictures, low, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("codes") / "photos.codes"
    embed(pictures.root, folder, backbone=low, views="flip", n_jobs=1)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("head", ["ridge", "lda", "centroid", "logistic"])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_a_streamed_classifier_is_that_of_all_codes_in_memory(
    make, photos, pictures, memory, tmp_path, head, class_weight
):
    kept = make(head, class_weight=class_weight, test_views="flip").fit_codes(read_codes(photos))
    streamed = make(head, class_weight=class_weight, test_views="flip")
    streamed.fit_codes(open_codes(photos), memory_limit=PLENTY)
    assert streamed.head_.C_ == kept.head_.C_ and streamed.head_.scaling_ == kept.head_.scaling_
    scale = np.abs(kept.head_.coef_).max()
    # A descent over blocks ends where the objective is known to 1e-5, and weights to the root of that.
    np.testing.assert_allclose(
        streamed.head_.coef_, kept.head_.coef_, atol=scale * (2e-2 if head == "logistic" else 1e-6)
    )
    assert streamed.n_images_ == kept.n_images_ == 18 and streamed.train_plan_ == kept.train_plan_
    np.testing.assert_array_equal(streamed.predictor_.trained, kept.predictor_.trained)
    for name in ("probability", "right"):
        np.testing.assert_allclose(
            getattr(streamed.predictor_.answers, name), getattr(kept.predictor_.answers, name), atol=1e-3
        )
    for name in ("means", "spread", "distances"):
        ours, theirs = (getattr(one.predictor_.scale, name) for one in (streamed, kept))
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)
    streamed.save(tmp_path / "x.cnncodes", include_backbone=False)
    again = load(tmp_path / "x.cnncodes").set_params(memory=memory)
    np.testing.assert_array_equal(again.predict(pictures.arrays), kept.predict(pictures.arrays))
    np.testing.assert_array_equal(
        again.predict_proba(pictures.arrays), streamed.predict_proba(pictures.arrays)
    )
    assert streamed.novelty(pictures.arrays).shape == (18,)


def test_groups_are_those_of_codes_in_memory(make, empty, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, SIZE)).astype(np.float16)
    X += (
        3 * rng.normal(size=(20, SIZE)).astype(np.float16)[np.arange(60) // 3]
    )  # a patient is known by its codes
    labels = ["ab"[i] for i in rng.integers(0, 2, 20)]
    table = make_table(empty.schema, np.arange(60), X, [labels[number // 3] for number in range(60)])
    column = table.schema.get_field_index("group")
    groups = [f"patient {number // 3}" for number in range(60)]
    table = table.set_column(column, table.schema.field("group"), [groups])
    write(tmp_path / "x.codes", empty, table.slice(0, 25), table.slice(25))
    kept = make("ridge").fit_codes(read_codes(tmp_path / "x.codes"))
    streamed = make("ridge").fit_codes(open_codes(tmp_path / "x.codes"), memory_limit=PLENTY)
    assert streamed.head_.C_ == kept.head_.C_ and streamed.head_.scaling_ == kept.head_.scaling_
    for fitted in (kept, streamed):  # held out with all that is like them
        assert fitted.predictor_.answers.right.mean() < 0.75
    np.testing.assert_allclose(streamed.predictor_.answers.right, kept.predictor_.answers.right)


def test_selected_rows_are_fitted_and_unlabelled_ones_left_out(make, empty, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, SIZE)).astype(np.float16)
    labels = [None if number % 5 == 4 else "ab"[number % 2] for number in range(60)]
    X[np.array(labels) == "a"] += 1
    table = make_table(empty.schema, np.arange(60), X, labels)
    column = table.schema.get_field_index("split")
    parts = [["train", "test"][number % 3 == 0] for number in range(60)]
    table = table.set_column(column, table.schema.field("split"), [parts])
    write(tmp_path / "x.codes", empty, table.slice(0, 25), table.slice(25))
    kept = read_codes(tmp_path / "x.codes").select(split="train")
    blocks = open_codes(tmp_path / "x.codes").select(split="train")
    assert blocks.parts == {"train"} and len(blocks) == len(kept) == 40
    np.testing.assert_array_equal(np.concatenate([X for _, X in blocks.blocks(SIZE * 4 * 7)]), kept.X)
    one, other = make("ridge").fit_codes(kept), make("ridge").fit_codes(blocks, memory_limit=PLENTY)
    np.testing.assert_allclose(other.head_.coef_, one.head_.coef_, atol=1e-6 * np.abs(one.head_.coef_).max())
    assert (
        one.n_images_
        == other.n_images_
        == sum(label is not None and part == "train" for label, part in zip(labels, parts, strict=True))
    )


def flip_codes(shard: Path) -> None:
    """Damage a shard within its codes: all else can be read as before."""
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 0xFF
    shard.write_bytes(data)


def write(folder: Path, manifest: Manifest, *tables, complete: bool = True) -> None:
    (folder / "data").mkdir(parents=True)
    for table in tables:
        manifest = manifest.changed(add=(write_shard(folder, manifest, table),))
    replace(manifest, complete=complete).write(folder)


@pytest.fixture
def small(empty, tmp_path) -> Path:
    write_codes(tmp_path / "s.codes", empty, 90, n_classes=3, shard_rows=40)
    return tmp_path / "s.codes"


def test_a_path_is_streamed_where_memory_is_short(make, small, monkeypatch, recwarn):
    fitted = []
    monkeypatch.setattr(
        "cnncodes.estimators.classifier.fit_blocks",
        lambda *args, **given: fitted.append(given["memory"]) or streaming.fit_blocks(*args, **given),
    )
    make("ridge").fit_codes(small)
    assert not fitted
    make("ridge").fit_codes(small, memory_limit="8G")
    assert not fitted
    monkeypatch.setattr(streaming, "COPIES", 10**6)
    make("ridge").fit_codes(str(small), memory_limit="8G")
    assert fitted == [8 << 30]
    monkeypatch.setattr(streaming, "measure_memory", lambda: 10 << 30)
    make("ridge").fit_codes(small)
    assert fitted == [8 << 30, 5 << 30]  # half of the machine's
    assert not recwarn.list


@pytest.mark.parametrize("head", ["knn", "rbf-svm", "linear-svm", "auto", SVC()])
def test_heads_that_need_all_codes_say_so(make, small, monkeypatch, head):
    shown = repr(head) if isinstance(head, str) else "SVC"
    with pytest.raises(
        UsageError, match=f"the head {shown} needs all codes in memory: choose one of centroid, ridge"
    ):
        make(head).fit_codes(open_codes(small))
    monkeypatch.setattr(streaming, "COPIES", 10**6)
    with pytest.raises(
        UsageError, match=r"needs all codes in memory, about .*M to fit, and the limit is 8,192M"
    ):
        make(head).fit_codes(small, memory_limit="8G")


@pytest.mark.parametrize("estimator", [ImageRegressor(), ImageMultiLabelClassifier()])
def test_those_of_numbers_and_of_several_labels_say_that_they_need_all_codes(estimator, small):
    with pytest.raises(UsageError, match="needs all codes in memory: read them by read_codes"):
        estimator.fit_codes(open_codes(small))


@pytest.mark.parametrize(
    "estimator", [ImageClassifier(), ImageRegressor(), ImageMultiLabelClassifier(label_delimiter="|")]
)
def test_a_path_of_no_codes_is_the_same_error_of_each_estimator(estimator, tmp_path):
    with pytest.raises(StoreError, match="is no codes dataset"):
        estimator.fit_codes(tmp_path)
    with pytest.raises(StoreError, match="gone"):
        estimator.fit_codes(str(tmp_path / "gone"))
    with pytest.raises(UsageError, match="the path of the codes is empty"):
        estimator.fit_codes(" ")


def test_a_head_that_needs_all_codes_gets_them_where_no_limit_was_given(make, small, monkeypatch):
    monkeypatch.setattr(streaming, "COPIES", 10**7)
    with pytest.warns(
        UserWarning, match="the head 'knn' needs all codes in memory.*half of the memory there is"
    ):
        assert make("knn").fit_codes(small).n_images_ == 90


def test_the_limit_with_which_codes_fit_in_memory_is_advised_where_it_is_less(make, small):
    with pytest.raises(UsageError, match="It is 0M: raise it") as caught:
        make("ridge").fit_codes(small, memory_limit=1000)
    advised = re.search(
        "a memory limit of at least ([0-9]+M), with which the 90 of the folder fit", str(caught.value)
    )
    assert ", beside about 448M that Python and its libraries take. It is 0M" in str(caught.value)
    assert make("ridge").fit_codes(small, memory_limit=advised[1]).n_images_ == 90


def test_a_fit_in_memory_is_reckoned_by_the_folds_at_work(small):
    found = [streaming._reckon(open_codes(small).stored, n_jobs) for n_jobs in (1, 2, 4, 10, 64)]
    assert [one / (4 * 90 * SIZE) for one in found] == [11, 16, 26, 56, 56]


def test_the_limit_that_is_advised_for_some_codes_counts_all_that_are_stored(make, small, monkeypatch):
    monkeypatch.setattr(streaming, "COPIES", 10_000)
    some = open_codes(small)
    some = replace(some, rows=some.rows.slice(0, 60), places=some.places[:60])
    with pytest.raises(UsageError, match="It is 0M: raise it") as caught:
        make("ridge").fit_codes(some, memory_limit=1000)
    advised = re.search(
        "a memory limit of at least ([0-9]+)M, with which the 90 of the folder", str(caught.value)
    )
    assert make("ridge").fit_codes(small, memory_limit=f"{advised[1]}M").n_images_ == 90


def test_limits_that_make_no_sense_are_refused(make, small):
    with pytest.raises(UsageError, match="such as 2G or 500M"):
        make("ridge").fit_codes(open_codes(small), memory_limit="much")
    with pytest.raises(UsageError, match="need a memory limit of at least .*M. It is 300M"):
        make("ridge").fit_codes(open_codes(small), memory_limit="300M")
    with pytest.raises(UsageError, match="these codes are in memory: give their folder"):
        make("ridge").fit_codes(read_codes(small), memory_limit="2G")
    with pytest.raises(UsageError, match="stored codes are fitted by fit_codes"):
        make("ridge").fit(open_codes(small))


def test_one_class_or_none_is_an_error(make, empty, tmp_path):
    X = np.ones((6, SIZE), np.float16)
    write(tmp_path / "one.codes", empty, make_table(empty.schema, np.arange(6), X, ["a"] * 5 + [None]))
    with pytest.raises(SourceError, match=r"at least 2 classes; got only 'a' \(1 class\)"):
        make("ridge").fit_codes(open_codes(tmp_path / "one.codes"))
    write(tmp_path / "none.codes", empty, make_table(empty.schema, np.arange(6), X, [None] * 6))
    with pytest.raises(SourceError, match="no labelled image"):
        make("ridge").fit_codes(open_codes(tmp_path / "none.codes"))
    write(tmp_path / "empty.codes", empty, make_table(empty.schema, np.arange(0), X[:0], []))
    with pytest.raises(SourceError, match="no labelled image"):
        make("ridge").fit_codes(open_codes(tmp_path / "empty.codes"))


def test_a_code_that_is_no_number_is_named_with_its_file_and_row(make, empty, tmp_path):
    X = np.random.default_rng(0).normal(size=(30, SIZE)).astype(np.float16)
    X[17, 3] = np.inf
    table = make_table(empty.schema, np.arange(30), X, ["a", "b"] * 15)
    write(tmp_path / "x.codes", empty, table.slice(0, 10), table.slice(10))
    expected = r"row 7 of .*part-00001.parquet, of the image '00000017.jpg', holds NaN or infinity"
    with pytest.raises(UsageError, match=expected):
        make("ridge").fit_codes(open_codes(tmp_path / "x.codes"), memory_limit=PLENTY)


def test_codes_that_are_not_complete_are_used_with_a_warning(make, empty, tmp_path):
    X = np.random.default_rng(0).normal(size=(30, SIZE)).astype(np.float16)
    table = make_table(empty.schema, np.arange(30), X, ["a", "b"] * 15)
    write(tmp_path / "x.codes", empty, table, complete=False)
    with pytest.warns(UserWarning, match="the codes are incomplete"):
        make("ridge").fit_codes(open_codes(tmp_path / "x.codes"), memory_limit=PLENTY)


@pytest.mark.parametrize("label", ["a", "b"])
def test_equal_files_of_several_labels_are_told_as_of_images_where_fit_was_called(
    make, empty, tmp_path, label
):
    X = np.random.default_rng(0).normal(size=(30, SIZE)).astype(np.float16)
    table = make_table(empty.schema, np.arange(30), X, ["a", "b"] * 14 + ["a", label])
    contents = table["content"].to_pylist()
    at = table.schema.get_field_index("content")
    table = table.set_column(at, table.field(at), pa.array([*contents[:-1], contents[4]]))
    write(tmp_path / "x.codes", empty, table)
    for codes in (read_codes(tmp_path / "x.codes"), open_codes(tmp_path / "x.codes")):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            make("centroid").fit_codes(codes)
        told = [one for one in caught if "more than one class (equal files)" in str(one.message)]
        assert len(told) == (label == "b")
        for one in told:
            assert re.match("1 image is there .*'00000004.jpg' and '00000029.jpg'", str(one.message))
            assert one.filename == __file__


def test_damage_and_changes_between_passes_are_errors(make, small):
    blocks = open_codes(small)
    shard = small / "data" / "part-00001.parquet"
    whole = shard.read_bytes()
    flip_codes(shard)
    with pytest.raises(StoreError, match="part-00001.parquet is damaged, or the manifest is: its sha256"):
        make("ridge").fit_codes(blocks, memory_limit=PLENTY)
    shard.unlink()
    with pytest.raises(StoreError, match="part-00001.parquet is missing"):
        make("ridge").fit_codes(blocks, memory_limit=PLENTY)
    shard.write_bytes(whole)
    make("ridge").fit_codes(blocks, memory_limit=PLENTY)
    # Somebody's job replaces a shard while passes go on: the first reads what was there, the second does not.
    passes = []
    for _ in blocks.blocks():
        passes.append(0)
    manifest = Manifest.read(small)
    (small / "data" / manifest.shards[0].name).unlink()
    replace(manifest, shards=manifest.shards[1:]).write(small)
    with pytest.raises(StoreError, match="was changed while it was read. Wait for the job that writes it"):
        list(blocks.blocks())


def test_views_whose_probabilities_are_averaged_leave_no_answers(make, photos):
    clf = make("ridge", aggregate="probability").fit_codes(open_codes(photos), memory_limit=PLENTY)
    assert clf.predictor_.answers is None and clf.predictor_.scale is not None
    with pytest.raises(
        UsageError, match="out_of_fold=True has nothing to keep where codes are read in blocks"
    ):
        make("ridge", aggregate="probability", out_of_fold=True).fit_codes(
            open_codes(photos), memory_limit=PLENTY
        )
    clf = make("ridge", out_of_fold=False).fit_codes(open_codes(photos), memory_limit=PLENTY)
    assert clf.predictor_.answers is None


def test_means_over_views_are_averaged_as_codes(make, low, pictures, tmp_path):
    embed(pictures.root, tmp_path / "mean.codes", backbone=low, views="flip", reduce="mean", n_jobs=1)
    clf = make("ridge", test_views="flip").fit_codes(open_codes(tmp_path / "mean.codes"), memory_limit=PLENTY)
    assert clf.predictor_.aggregate == "code" and clf.predictor_.answers is not None


def test_less_memory_takes_a_sample_for_the_choice_and_fits_all(make, empty, tmp_path, monkeypatch):
    write_codes(tmp_path / "x.codes", empty, 1200, n_classes=4, shard_rows=500)
    monkeypatch.setattr("cnncodes.heads.streamed_rows.SAMPLE_ROWS", 400)
    kept = make("lda").fit_codes(read_codes(tmp_path / "x.codes"))
    clf = make("lda").fit_codes(open_codes(tmp_path / "x.codes"), memory_limit=PLENTY)
    assert clf.head_.scaling_ == kept.head_.scaling_
    assert abs(np.log10(clf.head_.C_ / kept.head_.C_)) < 0.6
    assert len(clf.predictor_.answers.right) == pytest.approx(400, abs=3)
    assert clf.n_images_ == 1200 and len(clf.predictor_.trained) == 1200
    assert len(clf.predictor_.scale.distances) == pytest.approx(400, abs=3)


BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "streaming.py"


def run_benchmark(*arguments: str) -> str:
    command = [sys.executable, str(BENCHMARK), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=15000)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fit_within(codes: Path, head: str, limit: int) -> None:
    """Fit in a process of its own, whose peak must stay within the limit, and the answers be right."""
    found = json.loads(run_benchmark("fit", str(codes), "--head", head, "--memory-limit", f"{limit}M"))
    assert 200 < found["peak_mb"] < limit
    assert found["accuracy"] > 0.9 and found["log_loss"] < 0.25


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_fit_stays_within_its_limit(tmp_path):
    """24,000 codes of 1,280 numbers, of which a fit in memory, by one thread, takes eleven copies: 1.3 GB."""
    run_benchmark("write", str(tmp_path / "made.codes"), "--rows", "24000")
    for head in ("ridge", "lda"):
        fit_within(tmp_path / "made.codes", head, 900)


@pytest.mark.huge
@pytest.mark.heavy
@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_logistic_regression_stays_within_its_limit(tmp_path):
    run_benchmark("write", str(tmp_path / "made.codes"), "--rows", "60000")
    fit_within(tmp_path / "made.codes", "logistic", 1000)


@pytest.mark.huge
@pytest.mark.heavy
@pytest.mark.slow
@pytest.mark.timeout(20000)
def test_a_million_codes_are_fitted_in_less_memory_than_they_take(tmp_path):
    """1,000,000 codes of 1,280 numbers: 2.56 GB as float16, 5.1 GB as float32."""
    run_benchmark("write", str(tmp_path / "made.codes"), "--rows", "1000000")
    for head in ("ridge", "lda", "logistic"):
        fit_within(tmp_path / "made.codes", head, 1500)


def test_the_command_streams_within_its_limit(capsys, small, tmp_path, monkeypatch):
    from cnncodes.cli import main

    out = str(tmp_path / "m.cnncodes")
    monkeypatch.setattr(streaming, "COPIES", 10**6)
    options = ["-o", out, "--memory-limit", "3G", "--no-backbone", "--json"]
    assert main(["fit", str(small), "--head", "lda", *options]) == 0
    said = capsys.readouterr()
    assert "all codes in memory would take more than 3,072M: reading them in blocks" in said.err
    result = json.loads(said.out)
    assert result["images"] == 90 and result["chosen"] == "lda"
    assert load(out).classes_.tolist() == ["c00", "c01", "c02"]
    assert main(["fit", str(small), "--head", "knn", *options]) == 2
    assert "'knn' needs all codes in memory" in capsys.readouterr().err
    assert main(["fit", str(small), "--head", "lda", "--cv", "3", *options]) == 2
    assert "--cv needs them" in capsys.readouterr().err
    assert main(["fit", str(small), "--memory-limit", "much", "-o", out]) == 2
    assert "such as 2G or 500M" in capsys.readouterr().err
    assert main(["fit", str(tmp_path / "photos"), "--memory-limit", "2G", "-o", out]) == 2
    assert "--memory-limit is for stored codes" in capsys.readouterr().err
