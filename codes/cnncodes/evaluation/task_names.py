"""What can be predicted of images: the names that all go by, how text says them, and by which figure."""

from __future__ import annotations

from typing import Literal

TaskName = Literal["classes", "numbers", "labels"]

#: How sentences and reports say what is predicted.
TITLES: dict[TaskName, str] = {
    "classes": "classes",
    "numbers": "numbers",
    "labels": "several labels an image",
}

#: The figure that ways to predict such are compared by: its key among `FIGURES`.
COMPARED_BY: dict[TaskName, str] = {
    "classes": "accuracy",
    "numbers": "mae",
    "labels": "mean_average_precision",
}
