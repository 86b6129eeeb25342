"""Everything that the README and the docstrings show works as shown."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cnncodes

README = Path(__file__).resolve().parents[1] / "README.md"
PAGES = sorted([README, *README.parent.glob("docs/*.md"), *README.parent.glob("models/*.md")])
CLASSES = {"daisy": (250, 240, 120), "poppy": (220, 30, 30), "violet": (120, 40, 200)}


def blocks(language: str) -> list[str]:
    """Return the README's fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)


def command_lines() -> list[list[str]]:
    """Return the arguments of each ``cnncodes`` line in the README's shell blocks."""
    lines = [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines()]
    return [words[1:] for words in lines if words and Path(words[0]).name == "cnncodes"]


def modules() -> list[Any]:
    """Return the names of all modules that have examples; what needs torch is run where that is installed."""
    root = Path(cnncodes.__file__).parent
    files = [file for file in sorted(root.rglob("*.py")) if ">>> " in file.read_text(encoding="utf-8")]
    names = [".".join(file.relative_to(root.parent).with_suffix("").parts) for file in files]
    names = [name.removesuffix(".__init__") for name in names]
    torch = "cnncodes.finetuning."
    return [pytest.param(name, marks=[pytest.mark.slow] if name.startswith(torch) else []) for name in names]


def write_pictures(folder: Path, n_images: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for label, colour in CLASSES.items():
        (folder / label).mkdir(parents=True)
        for number in range(n_images):
            pixels = np.clip(np.array(colour) + rng.integers(-30, 30, (72, 96, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / label / f"{number:03d}.png")


@pytest.fixture
def garden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder that holds the README's ``photos``, ``test`` and ``new``."""
    for seed, name in enumerate(("photos", "test", "new")):
        write_pictures(tmp_path / name, 6, seed)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNNCODES_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.parametrize("name", modules())
def test_docstring_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        pytest.skip("needs torch")
    found = doctest.testmod(module, optionflags=flags)
    assert found.attempted and found.failed == 0


@pytest.mark.parametrize("name", ["CodeExtractor", "ImageClassifier", "ViewPlan", "embed"])
def test_what_users_meet_first_has_an_example(name: str) -> None:
    found = doctest.DocTestFinder(recurse=False).find(getattr(cnncodes, name), name)
    assert any(test.examples for test in found)


@pytest.mark.slow
def test_readme_python_runs(garden: Path) -> None:
    sources = blocks("python")
    assert sources
    names: dict[str, object] = {}
    for source in sources:
        exec(compile(source, str(README), "exec"), names)


@pytest.mark.slow
def test_readme_commands_are_understood() -> None:
    from cnncodes.cli.entry import ALL_COMMANDS
    from cnncodes.cli.parser import parse
    from cnncodes.schema import from_arguments

    understood = set()
    for line in command_lines():
        command, values = parse(ALL_COMMANDS, line)
        from_arguments(command.options, {k: v for k, v in values.items() if k not in ("json", "quiet")})
        understood.add(command.name)
    assert understood >= {"quickstart", "embed", "fit", "predict", "evaluate"}


@pytest.mark.slow
def test_readme_commands_run_one_after_another(garden: Path) -> None:
    from cnncodes.cli import main

    for line in command_lines():
        if line[0] in ("embed", "fit", "predict", "evaluate", "baseline", "check", "run", "views"):
            assert main(line) == 0, shlex.join(line)
    assert len((garden / "predictions.csv").read_text().splitlines()) == 1 + 6 * len(CLASSES)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_within_the_docs_lead_somewhere(path: Path) -> None:
    def name(heading: str) -> str:
        """Return the anchor of a heading, as GitHub makes it."""
        return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")

    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        if "://" in file:
            continue
        page = path.parent / file if file else path
        assert page.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in [name(heading) for heading in headings], target
