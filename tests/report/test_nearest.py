"""The nearest training images beside an image: what stands there, and what is written of them at all."""

from __future__ import annotations

import base64
import dataclasses
import re

import numpy as np
import pytest
from made_reports import HOSTILE, MakeMaterial, add_training

from cnncodes.report.gallery import choose_shown
from cnncodes.report.html import clean, escape
from cnncodes.report.nearest import SHEET_BYTES, TILES, settle
from cnncodes.report.thumbnails import TILE

LABELS = ["cat", "dog", "fish"] * 8


def test_each_image_unfolds_its_own_with_labels_similarities_and_thumbnails(
    make_material: MakeMaterial,
) -> None:
    material = make_material(LABELS)
    material = dataclasses.replace(material, training=add_training(material, LABELS))
    found = settle(material, choose_shown(material))
    training = found.training
    assert training is not None and found.sheet is not None
    shown = found.show(5)
    keys = [training.records[row].key for row in training.index[5].tolist()]
    assert re.findall(r'aria-label="Thumbnail of ([^"]+)"', shown) == keys
    assert shown.count('<use href="#training-sheet"/>') == shown.count("<li>") == 4
    similarities = [float(text) for text in re.findall(r"</bdi> (-?\d\.\d\d)<br>", shown)]
    np.testing.assert_allclose(similarities, training.cosine[5], atol=0.01)
    assert similarities == sorted(similarities, reverse=True)
    [[labels]] = [re.findall("<summary>(.*?)</summary>", shown)]
    counts = {label: int(count) for count, label in re.findall(r"(\d) <bdi>(\w+)</bdi>", labels)}
    assert sum(counts.values()) == 4
    for label, count in counts.items():
        assert sum(training.records[row].label == label for row in training.index[5].tolist()) == count
    width, height = found.sheet.size
    for left, top in re.findall(r'viewBox="(\d+) (\d+) 64 64"', shown):
        assert int(left) + TILE <= width and int(top) + TILE <= height
    assert found.define_sheet().count("data:image/jpeg") == 1


def test_without_training_images_it_is_said_why(make_material: MakeMaterial) -> None:
    found = settle(make_material(LABELS, training="They <were> left out."), [])
    assert "not shown. They &lt;were&gt; left out." in found.explain()
    assert found.show(0) == found.define_sheet() == "" and found.gather() is None


def test_the_map_gets_those_alone_that_are_next_to_some_image(make_material: MakeMaterial) -> None:
    material = make_material(["cat", "dog"], classes=["cat", "dog", "fish"])
    material = dataclasses.replace(material, training=add_training(material, LABELS * 4))
    found = settle(material, choose_shown(material))
    data, training = found.gather(), found.training
    assert data is not None and training is not None
    used = np.unique(training.index)
    assert len(data["files"]) == len(used) <= 8 and data["wide"] == "u2"
    index = np.frombuffer(base64.b64decode(data["index"]), "<u2").reshape(2, 4)
    files = [[data["files"][place] for place in row] for row in index.tolist()]
    assert files == [[training.records[place].key for place in row] for row in training.index.tolist()]
    similarity = np.frombuffer(base64.b64decode(data["similarity"]), "u1").astype(int) - 100
    np.testing.assert_allclose(similarity / 100, training.cosine.ravel(), atol=0.01)
    tiles = np.frombuffer(base64.b64decode(data["tiles"]), "<u4")
    assert sorted(tiles.tolist()) == list(range(len(used)))


@pytest.mark.slow
def test_thumbnails_keep_within_their_number_and_bytes(make_material: MakeMaterial) -> None:
    material = make_material(["cat", "dog", "fish"] * 100)
    material = dataclasses.replace(material, training=add_training(material, LABELS * 100))
    found = settle(material, choose_shown(material))
    assert found.sheet is not None and found.training is not None
    used = len(np.unique(found.training.index))
    assert len(found.sheet.images) == min(used, TILES) and len(found.sheet.jpeg) <= SHEET_BYTES
    near = {*found.training.index[choose_shown(material)].ravel().tolist()}
    assert near <= {*found.sheet.images.tolist()}


def test_hostile_names_are_text_and_pictures_that_are_gone_are_said(make_material: MakeMaterial) -> None:
    material = make_material(["a", "b"] * 3, classes=["a", "b"])
    training = add_training(material, list(HOSTILE), [f"{name}.png" for name in HOSTILE])
    gone = [dataclasses.replace(record, data=b"gone") for record in training.records]
    material = dataclasses.replace(material, training=dataclasses.replace(training, records=gone))
    found = settle(material, choose_shown(material))
    shown = "".join(found.show(image) for image in range(6))
    assert found.sheet is None and "no thumbnail" in shown and "<use" not in shown
    assert "<script" not in shown and "<img" not in shown
    near = [training.records[row] for row in np.unique(training.index).tolist()]
    assert all(escape(record.label) in shown.replace("<wbr>", "") for record in near)
    data = found.gather()
    assert data is not None and data["files"] == [clean(record.key) for record in near]
    assert data["tiles"] is None
