"""Images whose label, number or labels are suspected by the data checks, the likeliest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnncodes.evaluation.checks import Finding
from cnncodes.images import ImageRecord
from cnncodes.report.html import file_name, name, number, paragraph, plain_number
from cnncodes.report.material import CheckedData
from cnncodes.report.pictures import Studio, frame_picture

#: Suspected labels that are shown.
SUSPECTS = 24

#: Of what heads say that is.
_UNSEEN = "by a head that had seen neither the image nor a copy of it"


def show_suspects(finding: Finding, data: CheckedData, studio: Studio) -> str:
    """Return what is suspected of labels, each with its picture, as HTML."""
    task = data.checks.task
    describe = {"classes": _describe_class, "numbers": _describe_number, "labels": _describe_labels}[task]
    rows = finding.details["numbers" if task == "numbers" else "labels"]
    items = []
    for row in rows[:SUSPECTS]:
        record = data.records[row["image"]]
        caption, label = describe(row, record, studio)
        picture = studio.develop(record, label)
        items.append(f"<li>{frame_picture(picture, record.key, f'{caption}<br>{name_file(record)}')}</li>")
    said = f"{len(items)} of {len(rows):,}, the likeliest first. {_explain(task, studio)}"
    return paragraph(said) + f'<ul class="gallery">{"".join(items)}</ul>'


def _explain(task: str, studio: Studio) -> str:
    if task == "numbers":
        return (
            f"What is expected is predicted {_UNSEEN}; how far the number is off is told in robust standard"
            " deviations of such errors."
        )
    if task == "labels":
        said = f"The number is the probability of the label, {_UNSEEN}."
        over = "map of that label"
    else:
        said = f"The number is the probability of the given label, {_UNSEEN}."
        over = "map of the class that it looks like"
    return said if studio.activations is None else f"{said} Over each lies this classifier’s {over}."


def _describe_class(row: Mapping[str, Any], _record: ImageRecord, _studio: Studio) -> tuple[str, str]:
    """Return a caption, and the class whose map lies over the picture."""
    suggested = str(row["suggested"])
    labelled = f"labelled {name(row['label'])} {number(row['probability'], 2)}"
    return f"{labelled}<br>looks like {name(suggested)}", suggested


def _describe_number(row: Mapping[str, Any], _record: ImageRecord, _studio: Studio) -> tuple[str, None]:
    given, expected = plain_number(row["number"]), plain_number(row["predicted"])
    return f"is {given}<br>expected {expected}<br>{row['deviations']:.1f} deviations off", None


def _describe_labels(row: Mapping[str, Any], record: ImageRecord, studio: Studio) -> tuple[str, str]:
    verdict = "Superfluous" if row["has"] else "Missing"
    has = ", ".join(map(name, studio.material.list_labels(record)))
    caption = (
        f'<span class="is-wrong">{verdict}?</span> {name(row["label"])} <span class="probability">'
        f"{number(row['probability'], 2)}</span><br>has: {has}"
    )
    return caption, str(row["label"])


def name_file(record: ImageRecord) -> str:
    """Return the file of an image, after its part, as HTML."""
    where = "" if record.split is None else f"{name(record.split)}: "
    return f'<span class="file">{where}{file_name(record.key)}</span>'
