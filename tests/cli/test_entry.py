"""What the command line says and returns, without any image."""

from __future__ import annotations

import errno
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from cnncodes.cli import main
from cnncodes.cli.entry import ALL_COMMANDS


def failing_line(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("cnncodes: ")
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["embde", "x"], "Did you mean 'embed'?"),
        (["embed"], "SRC"),
        (["embed", "x"], "-o/--out"),
        (["embed", "x", "-o", "y", "--veiws", "flip"], "Did you mean '--views'?"),
        (["embed", "x", "-o", "y", "--views", "tencorp"], "Did you mean 'tencrop'?"),
        (["embed", "x", "-o", "y", "--batch-size", "0"], "at least 1"),
        (["embed", "x", "-o", "y", "--max-failures", "lots"], "--max-failures is wrong"),
        (
            ["embed", "x", "-o", "y", "z"],
            "one too many: a source is one folder or one table. Give the folder",
        ),
        (["predict", "m", "x", "z"], "one too many: a source is one folder or one table"),
        (["codes", "info", "x", "z"], "It is one too many."),
        (
            ["baseline", "x", "--only", "codes", "pixels", "views"],
            "'pixels'. Several values of --only are joined by commas: --only codes,pixels,views.",
        ),
        (["baseline", "x", "--only=codes", "pixels"], "joined by commas: --only codes,pixels."),
        (["baseline", "--only", "codes", "pixels", "x"], "one table. Give the folder above"),
        (["baseline", "--only", "codes", "pixels", "x"], "Several values of --only are joined by commas."),
        (
            ["baseline", "x", "--only", "nixda", "ridge"],
            "--only is wrong: unknown kind of methods 'nixda'. K",
        ),
        (
            ["baseline", "x", "--only", "pixels", "ridge"],
            "is wrong: unknown kind of methods 'ridge'. Known: ",
        ),
        (["embed", "x", "-o", "y", "--layer", "a b", "c"], "joined by commas: --layer 'a b,c'."),
        (["embed", "x", "-o", "y", "--layer", "a", "b", "-q"], "joined by commas: --layer a,b."),
        (["embed", "x", "-o", "y", "--provider", "cuda:0", "cuda:1"], "commas: --provider cuda:0,cuda:1."),
        (["bench", "--provider", "cpu", "cuda"], "joined by commas: --provider cpu,cuda."),
        (["embed", "x", "-o", "y", "--provider", "cpu,cpu"], "is there twice"),
        (["embed", "x", "-o", "y", "--provider", "cpu:3"], "Take cpu."),
        (["fit", "x", "-o", "y", "--head", "logistik"], "Did you mean 'logistic'?"),
        (["predict", "m", "x", "-o", "p.txt"], ".csv or .parquet"),
        (["models", "lits"], "Did you mean 'list'?"),
        (["models"], "COMMAND"),
        (["run", "quickstrat"], "Did you mean 'quickstart'?"),
        (["run", "fixed-extractor"], "--data"),
        (["run", "fixed-extractor", "--data", "x", "--set", "fit.haed=ridge"], "Did you mean 'head'?"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert words in failing_line(capsys)


def test_without_arguments_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "start here" in capsys.readouterr().out


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_every_help_has_an_example_that_parses(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from cnncodes.cli.parser import parse
    from cnncodes.schema import from_arguments

    assert main([*name.split(), "--help"]) == 0
    command = ALL_COMMANDS[name]
    assert command.example in capsys.readouterr().out
    chosen, values = parse(ALL_COMMANDS, shlex.split(command.example)[1:])
    assert chosen is command
    from_arguments(command.options, {k: v for k, v in values.items() if k not in ("json", "quiet")})


@pytest.mark.parametrize("name", ["", "models", *ALL_COMMANDS])
def test_no_help_shows_how_it_is_written(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert "%%" not in text and "MISSING" not in text and " object at " not in text


def test_a_missing_source_is_one_line_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["run", "fixed-extractor", "--data", str(tmp_path / "none"), "-o", str(tmp_path / "run")]) == 1
    )
    assert "no such file" in failing_line(capsys)
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["models", "list"], ["--help"], ["--version"], ["fit", "--help"], []])
def test_a_stdout_that_is_full_is_named(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cnncodes", *arguments], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line == "cnncodes: stdout could not be written: No space left on device"


def test_a_reader_that_has_gone_is_told_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "cnncodes", "models", "list"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        (
            "fit",
            "End other programs, use -j 1 or, of stored codes, a lower --memory-limit, or raise the limit",
        ),
        ("embed", "End other programs, use fewer lanes (-j 1), or raise the limit"),
    ],
)
def test_too_little_memory_is_told_with_what_the_command_may_be_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, advice: str
) -> None:
    def run_short(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("cnncodes.cli.entry.parse", run_short)
    assert main([command, "photos", "-o", "out"]) == 1
    assert f"the command cannot go on: there is not enough memory. {advice}" in capsys.readouterr().err


def test_too_many_open_files_are_told_with_the_limit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_short(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("cnncodes.cli.entry.parse", run_short)
    assert main(["embed", "photos", "-o", "out"]) == 1
    said = capsys.readouterr().err
    assert "this process may open no more files (`ulimit -n` says how many)" in said
    assert said.endswith("What was written is kept; the same command goes on.\n")


def test_an_interrupt_is_status_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cnncodes.cli.entry.parse", interrupt)
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err == "\ncnncodes: interrupted. No file is half written.\n"
    assert main(["embed", "photos", "-o", "codes"]) == 130
    assert "What was written is kept; the same command goes on." in capsys.readouterr().err


def test_a_bug_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("cnncodes.cli.entry.parse", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        main(["doctor"])


def test_doctor_in_a_process_of_its_own_prints_one_object() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cnncodes", "doctor", "--json"], capture_output=True, text=True
    )
    found = json.loads(done.stdout)
    assert done.returncode == (1 if found["problems"] else 0), done.stderr
    assert found["cores"] >= 1
    assert found["versions"]["numpy"]
    assert any(provider["starts"] for provider in found["providers"]) or found["problems"]


def test_the_parser_loads_nothing_heavy() -> None:
    code = (
        "import sys; from cnncodes.cli import main; main(['--version']);"
        "heavy = {'numpy', 'sklearn', 'pandas', 'torch', 'onnxruntime', 'pyarrow'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "words",
    [
        "embed @ -o x.codes", "embed . -o @", "fit @ -o x", "fit . -o @", "predict @ .", "predict x @",
        "predict x . -o @", "evaluate x @", "evaluate @ .", "evaluate x . --report @", "baseline @",
        "codes info @", "codes verify @", "codes merge @ x -o y", "codes merge x y -o @",
        "codes select @ --label a -o y",
        "codes select x --images @ -o y",
        "codes convert @ -t csv -o y", "codes convert x -t csv -o @",
        "views show @", "run fixed-extractor --data @",
        "run @", "models show @", "embed . -o x --backbone @",
    ],
)  # fmt: skip
def test_an_empty_path_is_wrong_usage_everywhere(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["" if word == "@" else word for word in words.split()]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "is empty. Was a variable meant that is not set?" in error
    assert list(tmp_path.iterdir()) == []


def test_files_that_a_folder_passes_over_are_said_once_by_every_command(
    small_network: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, model = tmp_path / "photos", str(tmp_path / "m.cnncodes")
    for name in ("a", "b"):
        for number in range(10):
            path = photos / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (200 if name == "a" else 20, 9 * number, 0)).save(path)
    (photos / "a" / "1.tga").write_bytes(b"-")
    network = ["--backbone", small_network]
    for arguments in (
        ["embed", str(photos), "-o", str(tmp_path / "x.codes"), *network],
        ["fit", str(photos), "-o", model, *network],
        ["evaluate", model, str(photos)],
        ["predict", model, str(photos), "-o", str(tmp_path / "p.csv")],
    ):
        assert main([*arguments, "--quiet"]) == 0
        said = [line for line in capsys.readouterr().err.splitlines() if "passed over" in line]
        assert said == [
            f"cnncodes: warning: {str(photos)!r}: 1 file is passed over, whose name does not end as that of a"
            " picture: .tga (1)"
        ]
