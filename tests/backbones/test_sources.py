"""Where networks are looked for: a name that is none brings the nearest."""

from __future__ import annotations

import pytest

from cnncodes.backbones.exporting.sources import find_original
from cnncodes.errors import BackboneError


@pytest.mark.slow
def test_an_unknown_network_brings_the_nearest() -> None:
    with pytest.raises(
        BackboneError, match=r"no network 'efficientnet-lite9' .* mean 'efficientnet-lite[012]'\?"
    ):
        find_original("efficientnet-lite9")
