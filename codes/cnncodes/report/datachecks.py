"""The data checks: what to know before a figure is believed, with the images that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnncodes.evaluation.checks import Finding
from cnncodes.report.html import escape, name, number, paragraph, section
from cnncodes.report.material import CheckedData, Subject
from cnncodes.report.pictures import Studio, frame_picture

#: Suspected labels that are shown, groups of copies, other images of a finding; and copies of one picture.
SUSPECTS, GROUPS, IMAGES, COPIES = 24, 6, 8, 4
#: Longer side of thumbnails but those of suspected labels, in pixels.
_SIDE = 96

_TITLES = {
    "groups": "Groups on both sides",
    "duplicates": "Copies",
    "metadata": "Classes betrayed by the file",
    "classes": "Classes not told apart",
    "labels": "Suspected labels",
    "damage": "Damaged pictures",
    "outliers": "Outliers",
}
_SURE = {"certain": "a fact", "likely": "likely", "possible": "possible"}


def show_data(material: Subject, studio: Studio) -> str:
    """Return the section with the findings of the data checks, the worst first."""
    title, data = "Can the data be trusted?", material.data
    if isinstance(data, str):
        return section("data", title, paragraph(f"The data were not checked. {escape(data)}"))
    findings = data.checks.findings
    warnings = len(data.checks.warnings)
    said = (
        f"Checked are {escape(data.described)}, by the codes of this classifier:"
        f" {_count(warnings, 'warning')}"
        f" and {_count(len(findings) - warnings, 'thing')} to look at. A warning makes figures wrong or"
        f" a class"
        " impossible to learn."
    )
    progress = material.watch("images of the data checks")
    shown = []
    for done, finding in enumerate(findings, start=1):
        shown.append(_show(finding, data, studio))
        progress(done, len(findings), 0)
    left_out = "".join(f"<li>{_TITLES[one.check]}: {escape(one.why)}</li>" for one in data.checks.left_out)
    return section(
        "data",
        title,
        paragraph(said),
        *(shown or [paragraph("Nothing was found.")]),
        f"<h3>Not checked</h3><ul>{left_out}</ul>" if left_out else "",
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _show(finding: Finding, data: CheckedData, studio: Studio) -> str:
    warns = finding.severity == "warn"
    mark = '<span class="is-wrong">Warning</span>' if warns else '<span class="is-note">To look at</span>'
    head = f"<h3>{_TITLES[finding.check]}</h3>"
    text = paragraph(
        f"{mark} ({_SURE[finding.certainty]}): {escape(finding.sentence)} {escape(finding.advice)}"
    )
    if finding.check == "labels":
        pictures = _show_suspects(finding.details["labels"], data, studio)
    elif finding.check == "duplicates":
        pictures = _show_copies(finding.details["groups"], data, studio)
    elif finding.check in ("outliers", "damage"):
        pictures = _show_images(finding.images, data, studio)
    else:
        pictures = ""
    kind = "finding warn" if warns else "finding"
    return f'<div class="{kind}">{head}\n{text}\n{pictures}</div>'


def _show_suspects(rows: Sequence[Mapping[str, Any]], data: CheckedData, studio: Studio) -> str:
    items = []
    for row in rows[:SUSPECTS]:
        record = data.records[row["image"]]
        caption = (
            f"labelled {name(row['label'])} {number(row['probability'], 2)}<br>looks like"
            f" {name(row['suggested'])}<br>{_name_file(record.key, record.split)}"
        )
        picture = studio.develop(record, str(row["suggested"]))
        items.append(f"<li>{frame_picture(picture, record.key, caption)}</li>")
    said = (
        f"{len(items)} of {len(rows):,}, the likeliest first. The number is the probability of the"
        f" given label,"
        " by a head that had seen neither the image nor a copy of it."
    )
    if studio.activations is not None:
        said += " Over each lies this classifier’s map of the class that it looks like."
    return paragraph(said) + f'<ul class="gallery">{"".join(items)}</ul>'


def _show_copies(groups: Sequence[Mapping[str, Any]], data: CheckedData, studio: Studio) -> str:
    items = []
    for group in groups[:GROUPS]:
        keys = group["images"]
        figures = "".join(_show_image(key, data, studio) for key in keys[:COPIES])
        more = f"<p>and {len(keys) - COPIES:,} more</p>" if len(keys) > COPIES else ""
        items.append(f'<li><div class="copies">{figures}</div>{more}</li>')
    said = paragraph(f"{len(items)} of {len(groups):,} are shown, copies of one picture side by side.")
    return f'{said}<ul class="groups">{"".join(items)}</ul>'


def _show_images(keys: Sequence[str], data: CheckedData, studio: Studio) -> str:
    items = "".join(f"<li>{_show_image(key, data, studio)}</li>" for key in keys[:IMAGES])
    return paragraph(f"{min(len(keys), IMAGES)} of {len(keys):,} are shown.") + (
        f'<ul class="gallery small">{items}</ul>'
    )


def _show_image(key: str, data: CheckedData, studio: Studio) -> str:
    record = data.records[key]
    label = "" if record.label is None else f"{name(record.label)}<br>"
    caption = label + _name_file(key, record.split)
    return frame_picture(studio.develop(record, None, _SIDE), key, caption)


def _name_file(key: str, part: str | None) -> str:
    where = "" if part is None else f"{name(part)}: "
    return f'<span class="file">{where}{name(key)}</span>'
