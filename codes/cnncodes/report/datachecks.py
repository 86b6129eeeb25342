"""The data checks: what to know before a figure is believed, with the images that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnncodes.errors import count
from cnncodes.evaluation.checks import Finding
from cnncodes.report.html import escape, name, paragraph, section
from cnncodes.report.material import CheckedData, Subject
from cnncodes.report.pictures import Studio, frame_picture
from cnncodes.report.suspects import name_file, show_suspects

#: Groups of copies that are shown, other images of a finding; and copies of one picture.
GROUPS, IMAGES, COPIES = 6, 8, 4
#: Longer side of thumbnails but those of suspected labels, in pixels.
_SIDE = 96

_TITLES = {
    "groups": "Groups on both sides",
    "duplicates": "Copies",
    "metadata": "{labels} betrayed by the file",
    "classes": "Classes not told apart",
    "labels": "Suspected {suspected}",
    "damage": "Damaged pictures",
    "outliers": "Outliers",
}
#: What a title says of what images are labelled with, and what a warning means, by the task of the checks.
_WORDS = {
    "classes": ("Classes", "labels", "makes figures wrong or a class impossible to learn"),
    "numbers": ("Numbers", "numbers", "makes figures wrong"),
    "labels": ("Labels", "labels", "makes figures wrong"),
}
_SURE = {"certain": "a fact", "likely": "likely", "possible": "possible"}


def show_data(material: Subject, studio: Studio) -> str:
    """Return the section with the findings of the data checks, the worst first."""
    title, data = "Can the data be trusted?", material.data
    if isinstance(data, str):
        return section("data", title, paragraph(f"The data were not checked. {escape(data)}"))
    findings, model = data.checks.findings, material.origin.kind.lower()
    warnings = len(data.checks.warnings)
    said = (
        f"Checked are {escape(data.described)}, by the codes of this {model}: {count(warnings, 'warning')}"
        f" and {count(len(findings) - warnings, 'thing')} to look at. A warning"
        f" {_WORDS[data.checks.task][2]}."
    )
    progress = material.watch("images of the data checks")
    shown = []
    for done, finding in enumerate(findings, start=1):
        shown.append(_show(finding, data, studio))
        progress(done, len(findings), 0)
    left_out = "".join(
        f"<li>{_name_check(one.check, data)}: {escape(one.why)}</li>" for one in data.checks.left_out
    )
    return section(
        "data",
        title,
        paragraph(said),
        *(shown or [paragraph("Nothing was found.")]),
        f"<h3>Not checked</h3><ul>{left_out}</ul>" if left_out else "",
    )


def _name_check(check: str, data: CheckedData) -> str:
    labels, suspected, _ = _WORDS[data.checks.task]
    return _TITLES[check].format(labels=labels, suspected=suspected)


def _show(finding: Finding, data: CheckedData, studio: Studio) -> str:
    warns = finding.severity == "warn"
    mark = '<span class="is-wrong">Warning</span>' if warns else '<span class="is-note">To look at</span>'
    head = f"<h3>{_name_check(finding.check, data)}</h3>"
    text = paragraph(
        f"{mark} ({_SURE[finding.certainty]}): {escape(finding.sentence)} {escape(finding.advice)}"
    )
    if finding.check == "labels":
        pictures = show_suspects(finding, data, studio)
    elif finding.check == "duplicates":
        pictures = _show_copies(finding, data, studio)
    elif finding.check in ("outliers", "damage"):
        pictures = _show_images(finding.images, data, studio)
    else:
        pictures = ""
    kind = "finding warn" if warns else "finding"
    return f'<div class="{kind}">{head}\n{text}\n{pictures}</div>'


def _show_copies(finding: Finding, data: CheckedData, studio: Studio) -> str:
    groups, disagree = finding.details["groups"], finding.details["kind"] == "labels"
    items = []
    for group in groups[:GROUPS]:
        keys = _order_copies(group) if disagree else group["images"]
        figures = "".join(_show_image(key, data, studio) for key in keys[:COPIES])
        more = f"<p>and {len(keys) - COPIES:,} more</p>" if len(keys) > COPIES else ""
        items.append(f'<li><div class="copies">{figures}{more}</div></li>')
    said = paragraph(f"{len(items)} of {len(groups):,} are shown, copies of one picture side by side.")
    return f'{said}<ul class="groups">{"".join(items)}</ul>'


def _order_copies(group: Mapping[str, Any]) -> list[str]:
    """Return the keys of copies such that the first ones show how their labels differ."""
    pairs = [(key, label) for key, label in zip(group["images"], group["labels"], strict=True)]
    known = [(key, label) for key, label in pairs if label is not None]
    if all(isinstance(label, float) for _, label in known):
        ends = min(known, key=lambda pair: pair[1]), max(known, key=lambda pair: pair[1])
        return list(dict.fromkeys(key for key, _ in (*ends, *pairs)))
    first = {str(label): key for key, label in reversed(known)}
    return list(dict.fromkeys((*reversed(first.values()), *group["images"])))


def _show_images(keys: Sequence[str], data: CheckedData, studio: Studio) -> str:
    items = "".join(f"<li>{_show_image(key, data, studio)}</li>" for key in keys[:IMAGES])
    return paragraph(f"{min(len(keys), IMAGES)} of {len(keys):,} are shown.") + (
        f'<ul class="gallery small">{items}</ul>'
    )


def _show_image(key: str, data: CheckedData, studio: Studio) -> str:
    record = data.records[key]
    label = "" if record.label is None else f"{name(studio.material.describe_label(record))}<br>"
    caption = label + name_file(record)
    return frame_picture(studio.develop(record, None, _SIDE), key, caption)
