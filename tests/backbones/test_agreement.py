"""Providers: the same codes as the CPU's, or an error that says how far off they are."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from written_graphs import noise

from cnncodes import load_backbone
from cnncodes.backbones.checking.agreement import compare_providers, judge_provider
from cnncodes.errors import BackboneError


def test_every_provider_but_the_cpu_is_tried() -> None:
    found = compare_providers(load_backbone(), noise(4, 224, 224))
    others = {"CPUExecutionProvider", "AzureExecutionProvider"}
    assert set(found) == set(onnxruntime.get_available_providers()) - others
    assert all("reason" in figures or figures["cosine"] >= 0.9999 for figures in found.values())


def test_codes_that_are_close_pass_and_others_do_not() -> None:
    codes = np.random.default_rng(0).normal(size=(8, 16)).astype(np.float32)
    figures = judge_provider("SomeProvider", codes * np.float32(1 + 1e-5), codes)
    assert figures["relative_error"] < 1e-4 and figures["cosine"] > 0.9999
    for wrong in (codes * np.float32(1.01), codes[::-1], codes * np.nan):
        with pytest.raises(
            BackboneError, match="SomeProvider gives other codes than the CPU: relative error"
        ):
            judge_provider("SomeProvider", wrong, codes)
