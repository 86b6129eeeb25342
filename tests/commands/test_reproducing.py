"""What reports say of how to make figures again."""

from __future__ import annotations

from pathlib import Path

from cnncodes import ViewPlan
from cnncodes.commands.reproducing import _say_plan, find_training_seconds


def test_views_are_said_by_their_name_where_they_have_one() -> None:
    for name in ("center", "flip", "multicrop"):
        assert _say_plan(ViewPlan.parse(name).to_dict()) == name
    assert '"mirror": true' in _say_plan(ViewPlan.parse("flip, rotation:3").to_dict())


def test_what_a_fine_tuning_took_is_known_beside_it_alone(tmp_path: Path) -> None:
    model, summary = tmp_path / "classifier.cnncodes", tmp_path / "summary.json"
    model.write_bytes(b"")
    assert find_training_seconds(str(model)) is None
    for text, expected in (
        ('{"identity": "x", "classifier": "y", "cpu_seconds": 61.5}', 61.5),
        ('{"identity": "x", "classifier": "y", "seconds": 61.5}', None),
        ('{"cpu_seconds": 61.5}', None),
        ('{"identity": "x", "cpu_seconds": "long"}', None),
        ("[]", None),
        ("no JSON", None),
    ):
        summary.write_text(text)
        assert find_training_seconds(str(model)) == expected
        assert find_training_seconds(str(tmp_path / "other.cnncodes")) is None
