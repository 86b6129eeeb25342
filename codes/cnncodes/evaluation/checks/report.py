"""What all checks together have found, as words and as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cnncodes.errors import count
from cnncodes.evaluation.checks.finding import Finding
from cnncodes.evaluation.figures import show_result
from cnncodes.evaluation.task_names import TaskName
from cnncodes.plain import to_plain


@dataclass(frozen=True)
class LeftOut:
    """A check that was not made, or not of all classes.

    Attributes
    ----------
    check : str
    why : str
    """

    check: str
    why: str


@dataclass(frozen=True)
class DataChecks:
    """What to know before a score on some images is believed.

    Attributes
    ----------
    n, labelled : int
        Images that were read, and those of them that have a label.
    classes, parts : tuple of str
        That occur among them. Where images have several labels, `classes` are these; of numbers there are
        none.
    findings : tuple of Finding
        The worst first.
    left_out : tuple of LeftOut
        What was not checked, and why.
    failures : tuple of (str, str)
        Key and reason of each image that cannot be read.
    task : {"classes", "numbers", "labels"}
        What the images are labelled with: a class each, a number, or several labels.
    """

    n: int
    labelled: int
    classes: tuple[str, ...]
    parts: tuple[str, ...]
    findings: tuple[Finding, ...]
    left_out: tuple[LeftOut, ...]
    failures: tuple[tuple[str, str], ...] = ()
    task: TaskName = "classes"

    def __repr__(self) -> str:
        said = [count(self.n, "image"), count(len(self.findings), "finding")]
        if self.warnings:
            said.append(f"{len(self.warnings):,} to act on")
        return show_result(self, *said)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that make scores wrong."""
        return tuple(finding for finding in self.findings if finding.severity == "warn")

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON holds it."""
        plain: dict[str, Any] = to_plain(self)
        plain["failures"] = [{"image": key, "reason": reason} for key, reason in self.failures]
        return plain

    def summary(self, most: int = 10) -> str:
        """Return what was found in plain words, a line each, the worst first.

        Parameters
        ----------
        most : int
            Findings that are shown.
        """
        return summarize(self.to_dict(), most)


def summarize(checks: dict[str, Any], most: int = 10) -> str:
    """Return what `DataChecks.summary` does, of what `DataChecks.to_dict` gave."""
    findings = checks["findings"]
    warnings = sum(finding["severity"] == "warn" for finding in findings)
    labelled = _say_labelled(checks["labelled"], checks["task"], len(checks["classes"]))
    parts = f", parts {', '.join(checks['parts'])}" if checks["parts"] else ""
    lines = [
        f"{count(checks['n'], 'image')} checked ({labelled}{parts}):"
        f" {count(warnings, 'warning')}, {count(len(findings) - warnings, 'other finding')}."
    ]
    for finding in findings[:most]:
        mark = "WARNING" if finding["severity"] == "warn" else "note"
        lines.append(f"{mark} ({finding['certainty']}): {finding['sentence']} {finding['advice']}")
    if len(findings) > most:
        lines.append(f"… and {len(findings) - most:,} more in the report")
    lines += [f"not checked, {row['check']}: {row['why']}" for row in checks["left_out"]]
    return "\n".join(lines) + "\n"


def _say_labelled(labelled: int, task: TaskName, n: int) -> str:
    if task == "numbers":
        return f"{labelled:,} with numbers"
    names = count(n, "class", "classes") if task == "classes" else count(n, "label")
    return f"{labelled:,} labelled, {names}"
