"""Pictures, and a fine-tuning of them that is done, for all tests that look at one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_tuning import GOOD, make_backbone, write_images


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("photos"), 80)


@pytest.fixture(scope="session")
def done(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[str]]:
    import cnncodes
    from cnncodes.finetuning.task import Listeners

    out, said = tmp_path_factory.mktemp("runs") / "tuned", []
    summary = cnncodes.finetune(
        photos, out, backbone=make_backbone(), listeners=Listeners(said.append), **GOOD
    )
    return out, summary, said
