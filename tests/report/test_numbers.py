"""The page on a regressor: what it says of numbers whose errors are known."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from made_reports import HOSTILE, MakeNumbers, draw_records

from cnncodes.evaluation import evaluate_numbers, measure_ranges
from cnncodes.report import NumberMaterial, find_training, render_number_report
from cnncodes.report.html import clean, escape
from cnncodes.report.numbers.errors import show_errors
from cnncodes.report.numbers.gallery import choose_worst
from cnncodes.report.numbers.plot import DOTS, draw_plot
from cnncodes.report.numbers.words import describe_coverage, describe_error, describe_ranges, list_warnings

pytestmark = pytest.mark.slow

TRUTH = np.linspace(0, 200, 120)


def text_of(html: str) -> str:
    return re.sub("<[^>]*>", "", html)


def test_the_error_is_said_beside_that_of_always_the_median(make_numbers: MakeNumbers) -> None:
    material = make_numbers([0.0, 10.0] * 60, predicted=np.array([1.0, 9.0] * 60), target="age")
    said = text_of(describe_error(material))
    assert said.startswith("Predictions of age are off by 1.00 on average, of 120 images.")
    assert "the median of these numbers would be off by 5.00: the error is 20 % of that" in said
    assert "96 % of what their mean would have is gone" in said
    useless = make_numbers(TRUTH, predicted=np.full(120, 100.0))
    assert "no clear gain" in describe_error(useless) and "no better than always" in describe_error(useless)
    worse = make_numbers(TRUTH, predicted=TRUTH[::-1])
    assert "clearly worse" in describe_error(worse)
    far = make_numbers([0.0, 4.0], predicted=np.array([1e9, 1e9 + 4]))
    assert "is 500,000,000 times that, which is no gain" in text_of(describe_error(far))
    equal = make_numbers([5.0] * 8, predicted=np.arange(8.0))
    assert "cannot be said: all targets are equal." in describe_error(equal)


def test_where_errors_are_clearly_larger_is_said(make_numbers: MakeNumbers) -> None:
    noise = np.random.default_rng(0).normal(0, 1, 120)
    material = make_numbers(TRUTH, predicted=TRUTH + noise * np.where(TRUTH > 160, 20, 2))
    said = text_of(describe_ranges(material))
    assert "clearly larger than the rest from 168.1 to 200" in said and "lean to the middle" not in said
    even = make_numbers(TRUTH, predicted=TRUTH + 5 * np.sign(noise))
    assert "In no range" in describe_ranges(even)
    drawn_in = make_numbers(TRUTH, predicted=100 + 0.5 * (TRUTH - 100) + noise)
    assert "predictions lean to the middle" in describe_ranges(drawn_in)
    assert describe_ranges(make_numbers([1.0, 2.0])) == ""


def test_where_groups_are_too_few_no_range_is_said_to_have_larger_errors(make_numbers: MakeNumbers) -> None:
    noise = np.random.default_rng(0).normal(0, 1, 120)
    predicted = 100 + 0.7 * (TRUTH - 100) + noise * np.where(TRUTH > 160, 20, 2)

    def group(groups: np.ndarray) -> NumberMaterial:
        figures = evaluate_numbers(TRUTH, predicted, groups=groups)
        ranges = measure_ranges(TRUTH, predicted, groups=groups)
        return make_numbers(TRUTH, predicted=predicted, evaluation=figures, ranges=ranges)

    few = group(np.arange(120) % 5)
    said = describe_ranges(few)
    assert said.startswith(
        "<strong>Whether errors are larger in a range of the true number is not known: there"
    )
    assert "clearly" not in said and "lean" not in said
    assert ">Groups<" in show_errors(few) and {one.n_groups for one in few.ranges} == {5}
    some = describe_ranges(group(np.where(TRUTH > 165, np.arange(120) % 5, np.arange(120))))
    assert "from 168.1" not in some
    assert "lean to the middle" in describe_ranges(group(np.arange(120)))
    assert ">Groups<" not in show_errors(make_numbers(TRUTH))


@pytest.mark.parametrize(
    ("width", "said"), [(30.0, "hold as far as"), (10.0, "too narrow"), (90.0, "wider than they need be")]
)
def test_intervals_are_judged_by_the_interval_of_their_share(
    make_numbers: MakeNumbers, width: float, said: str
) -> None:
    errors = np.linspace(-33, 33, 200)
    material = make_numbers(np.zeros(200) + np.arange(200), predicted=np.arange(200) + errors, width=width)
    assert said in describe_coverage(material)
    trained = describe_coverage(dataclasses.replace(material, trained_on=200))
    assert ("since images were trained on" in trained) == (width == 90) and "need be" not in trained


def test_of_few_images_it_is_not_known_whether_intervals_hold(make_numbers: MakeNumbers) -> None:
    one = make_numbers([7.0], predicted=np.array([8.0]), width=2.0)
    said = text_of(describe_coverage(one))
    assert said.startswith("Whether intervals hold is not known: there are too few images. Those of 90 % are")
    assert "the prediction ± 2.00, and hold the one image (95 % interval: 21 % to 100 %)." in said
    far = make_numbers([7.0], predicted=np.array([10.0]), width=2.0)
    assert "and do not hold the one image" in describe_coverage(far)


@pytest.mark.parametrize(("n", "told"), [(9, True), (10, False)])
def test_fewer_than_ten_images_are_said_to_be_too_few(make_numbers: MakeNumbers, n: int, told: bool) -> None:
    said = list_warnings(make_numbers(TRUTH[:n]))
    assert (
        "Fewer than 10 images are too few for these figures: one that is far off" in " ".join(said)
    ) == told


def test_what_has_no_figure_is_named_as_within_a_sentence(make_numbers: MakeNumbers) -> None:
    said = text_of(render_number_report(make_numbers([7.0], predicted=np.array([8.0]))).decode())
    assert "No Spearman’s rank correlation: there is only one image." in said
    assert "No share of the median’s error: there is only one image." in said


def test_without_intervals_it_is_said_why(make_numbers: MakeNumbers) -> None:
    material = make_numbers(TRUTH, width=None, why_no_interval="It keeps <no> errors.")
    assert "no intervals.</strong> It keeps &lt;no&gt; errors." in describe_coverage(material)
    page = render_number_report(material).decode()
    assert "Largest tenth of errors only" in page and material.far.sum() == 12


def test_numbers_of_another_column_are_warned_of(make_numbers: MakeNumbers) -> None:
    material = make_numbers(TRUTH, target="weight", trained_on=3, failed=2)
    fitted = dataclasses.replace(material, predictor=material.predictor.with_targets(("age",)))
    said = " ".join(map(text_of, list_warnings(fitted)))
    for part in ("3 of 120 images were trained on", "2 images could not be used", "fitted to age"):
        assert part in said
    assert list_warnings(make_numbers(TRUTH)) == []
    grouped = evaluate_numbers(TRUTH, material.predicted, groups=np.arange(120) % 4)
    [said] = list_warnings(make_numbers(TRUTH, evaluation=grouped))
    assert said.startswith("There are only 4 groups")


@pytest.mark.parametrize("n", [120, DOTS + 1])
def test_each_image_has_its_place_in_the_plot(make_numbers: MakeNumbers, n: int) -> None:
    material = make_numbers(TRUTH)
    rows = np.random.default_rng(1).integers(0, 120, n)
    many = dataclasses.replace(material, truth=material.truth[rows], predicted=material.predicted[rows])
    drawn = draw_plot(many)
    svg = ElementTree.fromstring(drawn)
    assert len(list(svg.iter())) < 90 and "images, the mean prediction is" in drawn
    if n == 120:
        [path] = re.findall('class="dots" d="([^"]+)"', drawn)
        places = np.array([[float(v) for v in one.split()] for one in re.findall(r"M([\d. ]+)h0", path)])
        assert len(places) == n
        ends = [places[many.truth == many.truth[k]][0] for k in (many.truth.argmin(), many.truth.argmax())]
        assert ends[0][0] < ends[1][0] and ends[0][1] > ends[1][1]
        np.testing.assert_allclose(np.corrcoef(places[:, 0], many.truth)[0, 1], 1, atol=1e-6)
        np.testing.assert_allclose(np.corrcoef(places[:, 1], many.predicted)[0, 1], -1, atol=1e-6)
    else:
        assert drawn.count('class="squares') > 1


def test_the_largest_errors_come_first(make_numbers: MakeNumbers) -> None:
    material = make_numbers(TRUTH)
    worst = choose_worst(material)
    off = np.abs(material.errors)
    assert off[worst].tolist() == sorted(off.tolist(), reverse=True)[: len(worst)] and len(worst) == 24
    page = render_number_report(material).decode()
    assert page.count("<figure><div") == 24 and f"<bdi>{material.records[worst[0]].key}</bdi>" in page
    assert choose_worst(make_numbers([1.0, 2.0], predicted=np.array([1.0, 2.0]))) == []


def test_data_of_the_map_are_the_numbers_and_what_is_nearest_says_its_own(make_numbers: MakeNumbers) -> None:
    material = make_numbers(TRUTH[:20])
    records = draw_records([f"{value:g}" for value in range(8)], [f"t{i}.png" for i in range(8)], seed=1)
    codes = material.predictor.predict_records(records, codes=True).codes
    training = find_training([r.key for r in material.records], material.codes, records, codes, "8 images")
    page = render_number_report(dataclasses.replace(material, training=training)).decode()
    [text] = re.findall('id="map-data">(.*?)</script>', page)
    data = json.loads(text)
    assert data["kind"] == "numbers" and data["training"]["counted"] is False
    truth = np.frombuffer(base64.b64decode(data["truth"]), "<f4")
    np.testing.assert_allclose(truth, material.truth, rtol=1e-6)
    assert np.frombuffer(base64.b64decode(data["far"]), "u1").sum() == material.far.sum()
    image = choose_worst(material)[0]
    numbers = ", ".join(f"<bdi>{records[row].label}</bdi>" for row in training.index[image].tolist())
    assert f"<summary>Nearest in training: {numbers}</summary>" in page
    assert "Neighbours of another number than" in page


def test_hostile_names_are_text(make_numbers: MakeNumbers) -> None:
    page = render_number_report(make_numbers(TRUTH[: len(HOSTILE)], HOSTILE, target=HOSTILE[0])).decode()
    assert all(escape(hostile) in page for hostile in HOSTILE) and "<script>window" not in page
    [text] = re.findall('id="map-data">(.*?)</script>', page)
    assert json.loads(text)["files"] == [clean(hostile) for hostile in HOSTILE]


@pytest.mark.parametrize("truth", [[3.0], [3.0, 3.0], [0.0, 1e9], [-1e-7, 2e-7, 0.0]])
def test_the_fewest_and_the_oddest_numbers_make_a_page(make_numbers: MakeNumbers, truth: list[float]) -> None:
    page = render_number_report(make_numbers(truth)).decode()
    assert "nan" not in re.sub(r"base64,[^\"]*|<script.*?</script>", "", page, flags=re.DOTALL)
