"""What the checks say, to people and to machines."""

from __future__ import annotations

import json

from cnncodes.evaluation.checks import CHECKS, DataChecks, Finding, LeftOut


def make(n_findings: int) -> DataChecks:
    findings = tuple(
        Finding(
            check="groups",
            severity="warn" if i == 0 else "tell",
            certainty="certain",
            sentence=f"Sentence {i}.",
            advice="Do this.",
            images=("a", "b"),
            n=5,
            details={"nothing": float("nan")},
        )
        for i in range(n_findings)
    )
    left_out = (LeftOut("labels", "no image has a label."),)
    return DataChecks(5, 0, (), ("train", "test"), findings, left_out, (("c.png", "damaged"),))


def test_the_keys_of_the_json_stay() -> None:
    plain = json.loads(json.dumps(make(1).to_dict(), allow_nan=False))
    assert list(plain) == ["n", "labelled", "classes", "parts", "findings", "left_out", "failures", "task"]
    assert list(plain["findings"][0]) == [
        "check", "severity", "certainty", "sentence", "advice", "images", "n", "details",
    ]  # fmt: skip
    assert plain["left_out"] == [{"check": "labels", "why": "no image has a label."}]
    assert plain["failures"] == [{"image": "c.png", "reason": "damaged"}]
    assert plain["findings"][0]["details"] == {"nothing": None}
    assert set(CHECKS) == {"groups", "duplicates", "metadata", "classes", "labels", "damage", "outliers"}


def test_ten_findings_are_shown_and_the_others_counted() -> None:
    text = make(13).summary()
    assert "Sentence 9." in text and "Sentence 10." not in text
    assert "… and 3 more in the report" in text
    assert text.startswith("5 images checked (0 labelled, 0 classes, parts train, test): 1 warning, 12 other")
    assert "not checked, labels: no image has a label." in text


def test_few_findings_are_all_shown() -> None:
    text = make(2).summary()
    assert "more in the report" not in text
    assert "WARNING (certain): Sentence 0. Do this." in text and "note (certain): Sentence 1." in text
