"""Small classifiers with their images, and what a report on them is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from made_reports import CODE_SIZE, MakeMaterial, draw_records, make_head
from written_graphs import write_backbone, write_model

from cnncodes.backbones import Backbone
from cnncodes.embedding import Embedder
from cnncodes.estimators.predictor import Predictor
from cnncodes.evaluation import evaluate_predictions
from cnncodes.images import Decoding
from cnncodes.report import Material, Origin
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
