"""Which images are shown, and what stands beside them."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
from made_reports import HOSTILE, MakeMaterial
from PIL import Image

from cnncodes.backbones import Backbone
from cnncodes.images import ImageRecord
from cnncodes.report import Material, gallery
from cnncodes.report.gallery import SHOWN, choose_mistakes, choose_shown, choose_uncertain
from cnncodes.report.html import escape
from cnncodes.report.nearest import settle
from cnncodes.report.pictures import Studio


def show_gallery(material: Material) -> str:
    return gallery.show_gallery(material, Studio(material), settle(material, choose_shown(material)))


def test_the_surest_mistakes_and_the_least_sure_answers_come_first(make_material: MakeMaterial) -> None:
    material = make_material([name for name in "abc" for _ in range(40)])
    mistakes, uncertain = choose_mistakes(material), choose_uncertain(material)
    probability = material.probability
    assert probability is not None and len(mistakes) == len(uncertain) == SHOWN
    assert material.wrong[mistakes].all() and (np.diff(probability[mistakes]) <= 0).all()
    assert (
        probability[mistakes[-1]]
        >= np.delete(probability, mistakes)[np.delete(material.wrong, mistakes)].max()
    )
    assert (np.diff(probability[uncertain]) >= 0).all() and probability[uncertain[0]] == probability.min()


def test_each_picture_has_its_map_its_labels_and_a_text_in_its_place(make_material: MakeMaterial) -> None:
    found = show_gallery(make_material([name for name in "abc" for _ in range(4)]))
    pictures = re.findall(
        r'<img src="data:image/jpeg;base64,([^"]+)" width="52" height="40" alt="([^"]+)"', found
    )
    assert len(pictures) == found.count("<figure>") == found.count('<svg class="map"')
    assert Image.open(io.BytesIO(base64.b64decode(pictures[0][0]))).size == (52, 40)
    assert pictures[0][1].startswith("Thumbnail of 0") and 'id="show-maps"' in found
    # Of 52 x 40 pixels, at a short side of 40, the middle 32 x 32 are seen.
    assert '<image x="10.0" y="4.0" width="32.0" height="32.0"' in found
    assert "It is exact: the mean of the map is the decision value." in found


def test_a_classifier_without_probabilities_or_maps_says_so(
    make_material: MakeMaterial, averaging: Backbone
) -> None:
    from sklearn.svm import LinearSVC

    rng = np.random.default_rng(0)
    head = LinearSVC().fit(rng.random((9, 5)), ["a", "b", "c"] * 3)
    material = make_material([name for name in "abc" for _ in range(4)], head=head)
    assert material.proba is None
    found = show_gallery(material)
    assert "no class activation maps: the head, LinearSVC, is not linear." in re.sub(
        r"\s+", " ", found
    ).replace("There are ", "")
    assert "show-maps" not in found and "gives no probabilities" in found and "<svg" not in found


def test_a_head_without_maps_has_its_name(make_material: MakeMaterial) -> None:
    from cnncodes.heads.neighbor_head import NeighborHead

    head = NeighborHead(k=1).fit(np.random.default_rng(0).random((9, 5)), ["a", "b", "c"] * 3)
    material = make_material([name for name in "abc" for _ in range(4)], head=head.scorer_)
    assert "the head, knn, is not linear" in re.sub(r"\s+", " ", show_gallery(material))


def test_a_picture_that_is_gone_leaves_its_labels(make_material: MakeMaterial) -> None:
    material = make_material(["a", "b", "c"] * 2)
    records = [ImageRecord(record.key, b"gone", record.label) for record in material.records]
    found = show_gallery(make_material(["a", "b", "c"] * 2, records=records))
    assert found.count("can no longer be read") == found.count("<figure>") > 0 and "<img" not in found


def test_other_views_and_scaled_codes_are_said(make_material: MakeMaterial) -> None:
    from made_reports import make_head

    head = make_head("abc", l2_normalize=True)
    found = show_gallery(make_material(["a", "b", "c"] * 2, head=head, plan="tencrop"))
    assert "for the central view alone" in found and "10 views" in found and "length 1" in found


def test_where_all_answers_are_sure_none_is_shown_as_uncertain(make_material: MakeMaterial) -> None:
    labels = ["a", "b", "c"] * 4
    sure = np.eye(3)[[0, 1, 2] * 4] * 0.9985 + 0.0005
    found = show_gallery(make_material(labels, proba=sure, predicted=np.array(labels)))
    assert "No answer is uncertain: all have a probability of 1.00, rounded." in found
    assert "<figure>" not in found
    less = np.vstack([sure[:-1], [[0.2, 0.2, 0.6]]])
    assert "The answers with the least" in show_gallery(make_material(labels, proba=less))


def test_a_very_long_file_name_is_shortened_in_its_middle(make_material: MakeMaterial) -> None:
    key = f"photos/{'n' * 200}-0001.jpg"
    found = show_gallery(make_material(["a", "b", "c"], [key, "two", "three"]))
    [caption] = re.findall(r'<span class="file">(<bdi title=.*?)</span>', found)[:1]
    assert re.fullmatch(rf'<bdi title="{key}">photos/<wbr>n+…n+-0001.jpg</bdi>', caption)
    assert len(re.sub("<[^>]*>", "", caption)) < 70 and f'alt="Thumbnail of {key}"' in found
    assert '<span class="file"><bdi>two</bdi></span>' in found


def test_hostile_names_are_text(make_material: MakeMaterial) -> None:
    found = show_gallery(make_material(["a", "b", "c"] * 3, HOSTILE))
    shown = [hostile for hostile in HOSTILE if escape(hostile) in found]
    assert shown == list(HOSTILE)
    assert "<script" not in found and re.findall(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', "", found)) == []
