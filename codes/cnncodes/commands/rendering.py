"""Which table shows some figures: those of classes, of numbers, or of several labels an image."""

from __future__ import annotations

from collections.abc import Callable

from cnncodes.commands.class_figures import render_class_figures
from cnncodes.commands.command import Result
from cnncodes.commands.label_figures import render_label_figures
from cnncodes.commands.number_figures import render_numbers


def choose_renderer(figures: Result) -> Callable[[Result], str]:
    """Return what shows figures as text, by what they are."""
    if "mae" in figures:
        return render_numbers
    return render_label_figures if "hamming_loss" in figures else render_class_figures
