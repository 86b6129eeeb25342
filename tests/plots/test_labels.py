"""Precision against recall, label by label."""

from __future__ import annotations

import io

import numpy as np
import pytest

from cnncodes.errors import UsageError
from cnncodes.plots import plot_precision_recall


def test_each_label_that_occurs_has_its_line() -> None:
    pytest.importorskip("matplotlib")
    from sklearn.metrics import precision_recall_curve

    rng = np.random.default_rng(0)
    y = np.column_stack([rng.random(40) < 0.4, np.zeros(40), rng.random(40) < 0.2]).astype(int)
    proba = np.clip(0.3 * y + 0.7 * rng.random((40, 3)), 0, 1).round(1)
    axes = plot_precision_recall(y, proba, ["sea", "snow", "sky"])
    named = [text.get_text().split(":")[0] for text in axes.get_legend().get_texts()]
    assert named == ["sea", "sky"] and len(axes.lines) == 2
    for line, column in zip(axes.lines, (0, 2), strict=True):
        precision, recall, _ = precision_recall_curve(y[:, column], proba[:, column])
        assert line.get_xdata()[1:].tolist() == pytest.approx(recall[:-1][::-1].tolist())
        assert line.get_ydata()[1:].tolist() == pytest.approx(precision[:-1][::-1].tolist())


def test_names_are_shown_as_they_are_and_without_labels_there_is_no_plot() -> None:
    pytest.importorskip("matplotlib")
    names = ["_hidden", r"$\frac$"]
    axes = plot_precision_recall(np.eye(2, dtype=int), np.eye(2), names)
    shown = [text.get_text() for text in axes.get_legend().get_texts()]
    assert shown == ["_hidden: 1.000, 1 image", r"\$\frac\$: 1.000, 1 image"]
    axes.figure.savefig(io.BytesIO())
    with pytest.raises(UsageError, match="no image has any of the labels"):
        plot_precision_recall(np.zeros((5, 2), int), np.eye(5, 2), names)
