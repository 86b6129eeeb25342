"""The network sees what is on the photos as it is fed, and does not where it is fed otherwise."""

from __future__ import annotations

import re

import numpy as np
import pytest
from evidence import NAME, SHIPPED, SUBJECTS, WAYS, Finding, collect, feed, see

from cnncodes.backbones import Backbone, models_folder
from cnncodes.backbones.exporting.zoo_networks import ORIGINALS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def findings() -> dict[str, dict[str, Finding]]:
    return collect()


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_subject_is_among_the_first_five(findings: dict[str, dict[str, Finding]], name: str) -> None:
    assert findings[name][SHIPPED].rank <= 5


@pytest.mark.parametrize("name", [name for name in ORIGINALS if name != NAME])
def test_the_others_of_the_family_see_the_subjects_too(name: str) -> None:
    # Of seven: "flower.jpg" is a daisy only to those who know no other flower.
    assert sum(finding.rank <= 5 for finding in see(name, *WAYS[SHIPPED]).values()) >= len(SUBJECTS) - 1
    assert sum(finding.rank <= 5 for finding in see(name, *WAYS["x"]).values()) <= 2


def test_with_pixels_as_they_are_it_is_not(findings: dict[str, dict[str, Finding]]) -> None:
    lost = [name for name, ways in findings.items() if ways["x"].rank > 5]
    assert len(lost) >= len(SUBJECTS) - 1


def test_the_usual_other_normalisation_is_worse(findings: dict[str, dict[str, Finding]]) -> None:
    ours = np.array([ways[SHIPPED].probability for ways in findings.values()])
    others = np.array([ways["ImageNet mean, std"].probability for ways in findings.values()])
    assert (ours - others).max() > 0.2 and (ours - others).mean() > 0.05


def test_the_column_of_the_shipped_graph_is_that_of_the_shipped_graph(shipped: Backbone) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    np.testing.assert_allclose(feed(shipped, *WAYS[SHIPPED]).run(images), shipped.run(images), atol=1e-5)


def test_the_readmes_table_is_what_is_found(findings: dict[str, dict[str, Finding]]) -> None:
    rows = {}
    for line in (models_folder() / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows[cells[0]] = cells[1:]
    assert rows["photo"] == ["subject", *WAYS]
    for name, ways in findings.items():
        subject, *cells = rows[name]
        assert subject == SUBJECTS[name][0]
        for finding, cell in zip(ways.values(), cells, strict=True):
            said = re.fullmatch(r"(\d\.\d\d)(?: \((\d+)\))?", cell)
            assert said, cell
            assert float(said[1]) == pytest.approx(finding.probability, abs=0.02), (name, cell)
            assert (int(said[2] or 1) == 1) == (finding.rank == 1), (name, cell)
