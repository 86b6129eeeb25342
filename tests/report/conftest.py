"""Small classifiers with their images, and what a report on them is made of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_reports import (
    CODE_SIZE,
    MakeLabels,
    MakeMaterial,
    MakeNumbers,
    Open,
    draw_records,
    make_head,
    make_label_head,
)
from written_graphs import write_backbone, write_model

from cnncodes.backbones import Backbone
from cnncodes.embedding import Embedder
from cnncodes.estimators.label_predictor import LabelPredictor
from cnncodes.estimators.number_predictor import NumberPredictor
from cnncodes.estimators.predictor import Predictor
from cnncodes.evaluation import evaluate_multilabel, evaluate_numbers, evaluate_predictions, measure_ranges
from cnncodes.heads.regression.scorers import LinearNumberScorer
from cnncodes.images import Decoding
from cnncodes.report import (
    LabelMaterial,
    Material,
    NumberMaterial,
    Origin,
    render_label_report,
    render_number_report,
    render_report,
)
from cnncodes.report.material import Subject
from cnncodes.views import ViewPlan

#: The code is the mean of a map of 15 x 15 places.
_BODY = "a = Conv<strides = [2, 2]>(pixels, conv_weight)\n b = Relu(a)\n p = GlobalAveragePool(b)\n"


@pytest.fixture(scope="session")
def averaging() -> Backbone:
    """Give a network whose code is the mean of its last map."""
    model = write_model(
        _BODY + "code = Flatten(p)", {"conv_weight": (CODE_SIZE, 3, 3, 3)}, code_size=CODE_SIZE
    )
    return write_backbone(model)


@pytest.fixture(scope="session")
def bent() -> Backbone:
    """Give a network with a layer after its last pooling: its code is no mean of a map."""
    weights = {"conv_weight": (CODE_SIZE, 3, 3, 3), "fc_weight": (7, 5), "fc_bias": (7,)}
    body = _BODY + "f = Flatten(p)\n g = Gemm<transB = 1>(f, fc_weight, fc_bias)\n code = HardSwish(g)"
    return write_backbone(write_model(body, weights, code_size=7))


@pytest.fixture(scope="session")
def make_material(averaging: Backbone) -> MakeMaterial:
    """Give a function that makes what a report is made of, by predicting as `evaluate` does."""

    def make(
        labels: Sequence[str],
        keys: Sequence[str] | None = None,
        *,
        classes: Sequence[str] | None = None,
        head: Any = None,
        plan: str = "flip",
        backbone: Backbone = averaging,
        **changes: Any,
    ) -> Material:
        known = sorted(set(labels)) if classes is None else list(classes)
        embedder = Embedder(backbone, ViewPlan.parse(plan), Decoding())
        predictor = Predictor(embedder, make_head(known) if head is None else head)
        records = draw_records(labels, keys)
        found = predictor.predict_records(records, codes=True)
        given = np.array([str(label) for label in found.labels])
        shown = given if found.proba is None else found.proba
        assert found.codes is not None
        values: dict[str, Any] = {
            "predictor": predictor,
            "records": records,
            "evaluation": evaluate_predictions(np.array(labels), shown, np.array(known)),
            "predicted": given,
            "proba": found.proba,
            "codes": found.codes,
            "trained_on": 0,
            "failed": 0,
            "origin": Origin("cnncodes evaluate", "m.cnncodes", "00", "photos", None, {}, "2026-01-01"),
        }
        return Material(**{**values, **changes})

    return make


@pytest.fixture(scope="session")
def make_numbers(averaging: Backbone) -> MakeNumbers:
    """Give a function that makes what a report on a regressor is made of."""

    def make(
        truth: Sequence[float],
        keys: Sequence[str] | None = None,
        *,
        width: float | None = 30.0,
        predicted: Any = None,
        **changes: Any,
    ) -> NumberMaterial:
        y = np.asarray(truth, dtype=np.float64)
        head = LinearNumberScorer(np.ones((1, CODE_SIZE)), np.zeros(1))
        predictor = NumberPredictor(Embedder(averaging, ViewPlan.parse("flip"), Decoding()), head)
        records = draw_records([str(value) for value in y.tolist()], keys)
        codes = predictor.predict_records(records, codes=True).codes
        values = y + np.random.default_rng(0).normal(0, 15, len(y)) if predicted is None else predicted
        intervals = {} if width is None else {"coverage": 0.9, "width": width}
        found: dict[str, Any] = {
            "predictor": predictor,
            "records": records,
            "evaluation": evaluate_numbers(y, values, **intervals),
            "ranges": measure_ranges(y, values, width=width),
            "truth": y,
            "predicted": np.asarray(values, dtype=np.float64),
            "codes": codes,
            "trained_on": 0,
            "failed": 0,
            "origin": Origin(
                "cnncodes evaluate", "m.cnncodes", "00", "photos", None, {}, "2026-01-01", kind="Regressor"
            ),
        }
        return NumberMaterial(**{**found, **changes})

    return make


@pytest.fixture(scope="session")
def make_labels(averaging: Backbone) -> MakeLabels:
    """Give a function that makes what a report on several labels an image is made of."""

    def make(
        sets: Sequence[Sequence[str]],
        keys: Sequence[str] | None = None,
        *,
        classes: Sequence[str] | None = None,
        l2_normalize: bool = False,
        plan: str = "flip",
        **changes: Any,
    ) -> LabelMaterial:
        known = sorted({name for one in sets for name in one}) if classes is None else list(classes)
        head = make_label_head(known, l2_normalize=l2_normalize)
        predictor = LabelPredictor(Embedder(averaging, ViewPlan.parse(plan), Decoding()), head, delimiter="|")
        records = draw_records(["|".join(one) or "|" for one in sets], keys)
        found = predictor.predict_records(records, codes=True)
        evaluation = evaluate_multilabel([set(one) for one in sets], found.named, found.proba, known)
        names = [one.name for one in evaluation.per_label]
        unknown = ((0, 0), (0, len(names) - len(known)))
        values: dict[str, Any] = {
            "predictor": predictor,
            "records": records,
            "evaluation": evaluation,
            "truth": np.array([[name in one for name in names] for one in sets]),
            "named": np.pad(found.named, unknown),
            "proba": np.pad(found.proba, unknown),
            "delimiter": "|",
            "codes": found.codes,
            "trained_on": 0,
            "failed": 0,
            "origin": Origin("cnncodes evaluate", "m.cnncodes", "00", "photos", None, {}, "2026-01-01"),
        }
        return LabelMaterial(**{**values, **changes})

    return make


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Give a browser that is installed."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=found, args=[*sandbox, "--disable-gpu"])
        yield started
        started.close()


def render_any(material: Subject | bytes) -> bytes:
    """Return the page on whatever it is on."""
    if isinstance(material, Material):
        return render_report(material)
    if isinstance(material, NumberMaterial):
        return render_number_report(material)
    if isinstance(material, LabelMaterial):
        return render_label_report(material)
    assert isinstance(material, bytes)
    return material


@pytest.fixture
def open_report(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Give a function that opens a report; what the page complains of, or asks for, fails the test."""
    troubles: list[str] = []
    contexts = []

    def open_one(
        material: Subject | bytes,
        *,
        size: tuple[int, int] = (1200, 900),
        scheme: str = "light",
        scripts: bool = True,
    ) -> Any:
        path = tmp_path / "report.html"
        path.write_bytes(render_any(material))
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            offline=True,
            java_script_enabled=scripts,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_timeout(200)
        troubles.extend(url for url in asked if not url.startswith(("data:", path.as_uri())))
        return page

    open_one.troubles = troubles  # type: ignore[attr-defined]
    yield open_one
    for context in contexts:
        context.close()
    assert troubles == []
