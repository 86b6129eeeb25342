"""Tables of figures by class."""

from __future__ import annotations

import numpy as np

from cnncodes.commands.figures import render_figures
from cnncodes.evaluation import evaluate_predictions
from cnncodes.plain import to_plain


def test_a_long_name_does_not_pad_every_row() -> None:
    long = "x" * 3000
    figures = evaluate_predictions(np.array(["a", long]), np.array(["a", long]), ["a", long])
    shown = render_figures(to_plain(figures)).splitlines()
    assert max(map(len, shown)) < 250 and any(line.startswith(f"{'x' * 39}…  ") for line in shown)


def test_classes_without_images_are_named() -> None:
    figures = evaluate_predictions(["a", "b"], ["a", "c"], ["a", "b", "c", "d"])
    shown = render_figures(to_plain(figures))
    said = "No image is of 2 of 4 classes (c, d): balanced accuracy and macro F1 are means of the others."
    assert said in shown
    assert "No image is of" not in render_figures(to_plain(evaluate_predictions(["a"], ["a"], ["a"])))
