"""What doctor reads and what it says of the two onnxruntimes."""

from __future__ import annotations

from pathlib import Path

from cnncodes.commands.doctor import find_runtime_problems, read_instructions


def test_instruction_sets_are_whole_words_of_the_flags(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 fma avx512f_x avx512_vnni\n")
    assert read_instructions(file) == ["avx2", "fma", "avx512_vnni"]


def test_where_the_system_does_not_say_nothing_is_claimed(tmp_path: Path) -> None:
    assert read_instructions(tmp_path / "missing") is None


def test_no_runtime_and_two_runtimes_are_problems() -> None:
    assert "cnncodes[cpu]" in find_runtime_problems({"onnxruntime": None, "onnxruntime-gpu": None})[0]
    assert "overwrite" in find_runtime_problems({"onnxruntime": "1.20", "onnxruntime-gpu": "1.20"})[0]
    assert find_runtime_problems({"onnxruntime": "1.20", "onnxruntime-gpu": None}) == []
