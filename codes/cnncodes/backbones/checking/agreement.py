"""Whether every execution provider that is there gives the codes that the CPU gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.checking.parity import MAX_RELATIVE_ERROR, MIN_COSINE, Codes, compare_codes
from cnncodes.backbones.running.runtime import list_providers
from cnncodes.backbones.running.starting import CPU
from cnncodes.backbones.session import Backbone
from cnncodes.errors import BackboneError


def compare_providers(backbone: Backbone, images: npt.NDArray[np.uint8]) -> dict[str, dict[str, Any]]:
    """Run a network on each provider but the CPU, and compare its codes with the CPU's.

    Parameters
    ----------
    backbone : Backbone
        On the CPU.
    images : ndarray of uint8, shape (n_images, height, width, 3)

    Returns
    -------
    dict
        For each provider by name ``relative_error`` and ``cosine`` of the worst image, or the ``reason`` why
        it does not start; that it is listed says little, since builds for GPUs list all that they know.

    Raises
    ------
    BackboneError
        If a provider starts and gives other codes.
    """
    names = [name for name in list_providers() if name not in CPU]
    expected = backbone.run(images) if names else None
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        try:
            codes = Backbone(backbone.model_bytes(), backbone.card, providers=(name,)).run(images)
        except BackboneError as error:
            found[name] = {"reason": str(error)}
        else:
            assert expected is not None
            found[name] = judge_provider(name, codes, expected)
    return found


def judge_provider(name: str, codes: Codes, expected: Codes) -> dict[str, Any]:
    """Return how close a provider's codes are to the CPU's; raise `BackboneError` where they are others."""
    parity = compare_codes(codes, expected)
    if not (parity.relative_error <= MAX_RELATIVE_ERROR and parity.cosine >= MIN_COSINE):
        raise BackboneError(
            f"{name} gives other codes than the CPU: relative error {parity.relative_error:.2g} and cosine"
            f" {parity.cosine:.6f}, where {MAX_RELATIVE_ERROR:g} and {MIN_COSINE} are the bounds."
        )
    return {"relative_error": parity.relative_error, "cosine": parity.cosine}
