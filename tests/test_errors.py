"""What an error tells its reader to type."""

from __future__ import annotations

import ast
import itertools
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnncodes import errors
from cnncodes.cli.parser import Parser
from cnncodes.errors import STAGES, ResultWarning, UnreadableImage, UsageError, install_advice
from cnncodes.schema import from_mapping, option
from cnncodes.store import Failure

PACKAGE = Path(errors.__file__).parent
#: Names of what somebody else has written, with a full stop or without.
OTHERS = re.compile(
    r"(_?describe\()?(str\()?(first\.)?(error|reasons?|fault|problem|message)\b(\[.*\])?( or .*)?\)*"
)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend that the package runs from a checkout whose path needs quoting."""
    root = tmp_path / "my code's folder"
    (root / "codes" / "cnncodes").mkdir(parents=True)
    monkeypatch.setattr(errors, "__file__", str(root / "codes" / "cnncodes" / "errors.py"))
    return root


def test_a_checkout_is_installed_from_its_folder(checkout: Path) -> None:
    (checkout / "pyproject.toml").touch()
    assert shlex.split(install_advice("cpu")) == ["pip", "install", "-e", f"{checkout}[cpu]"]


@pytest.fixture
def installed(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend that pip has installed the package; return the folder of what it wrote about that."""
    about = tmp_path / "site" / "cnncodes-0.1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: cnncodes\nVersion: 0.1\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return about


def test_an_installed_package_is_installed_by_name(installed: Path, tmp_path: Path) -> None:
    assert install_advice("gpu") == "pip install 'cnncodes[gpu]'"
    for url in (f"file://{tmp_path}/cnncodes-0.1.whl", "https://example.org/cnncodes", ""):
        (installed / "direct_url.json").write_text(json.dumps({"url": url}))
        assert install_advice("gpu") == "pip install 'cnncodes[gpu]'"
    (installed / "direct_url.json").write_text("damaged")
    assert install_advice("gpu") == "pip install 'cnncodes[gpu]'"


def test_what_was_installed_from_a_clone_is_installed_from_it(installed: Path, tmp_path: Path) -> None:
    clone = tmp_path / "a clone"
    clone.mkdir()
    (installed / "direct_url.json").write_text(json.dumps({"url": clone.as_uri(), "dir_info": {}}))
    assert install_advice("gpu") == "pip install 'cnncodes[gpu]'"  # it is gone
    (clone / "pyproject.toml").touch()
    assert shlex.split(install_advice("gpu")) == ["pip", "install", f"{clone}[gpu]"]


def find_stops(file: Path) -> Iterator[str]:
    """Yield each place where a full stop follows somebody else's sentence as it is, whatever its end."""
    for node in ast.walk(ast.parse(file.read_text())):
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        for part, after in itertools.pairwise(parts):
            if (
                isinstance(part, ast.FormattedValue)
                and part.conversion == -1
                and isinstance(after, ast.Constant)
            ):
                said = ast.unparse(part.value)
                if re.match(r"\.(\s|$)", str(after.value)) and OTHERS.fullmatch(said):
                    yield f"{file.relative_to(PACKAGE)}:{node.lineno} {said}: use sentence()"


def test_sentences_of_others_end_in_one_full_stop() -> None:
    assert [place for file in sorted(PACKAGE.rglob("*.py")) for place in find_stops(file)] == []


def test_the_search_for_stops_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path)
    (tmp_path / "a.py").write_text('f"{x}: {error}. Do."; f"{error.strerror}."; f"{name}.csv"; f"{reason}."')
    assert [place.split(" ", 1)[1] for place in find_stops(tmp_path / "a.py")] == [
        "error: use sentence()",
        "reason: use sentence()",
    ]


def test_a_question_ends_in_its_own_sign() -> None:
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Options:
        dtype: str = option("Precision.", default="float16", choices=("float16", "float32"))

    with pytest.raises(UsageError, match=r"Did you mean 'float16'\?$"):
        from_mapping(Options, {"dtype": "flot16"})
    with pytest.raises(UsageError, match=r"^what\? See 'x --help'\.$"):
        Parser(prog="x").error("What?")


def test_each_warning_is_given_where_its_line_is_found() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path.name != "errors.py":
            assert "warnings.warn(" not in path.read_text(), f"{path}: errors.warn finds the caller's line"


def warn_of_a_scarce_class() -> dict[str, Callable[[], object]]:
    """Return fits, in several ways, of a class that has one image."""
    from sklearn.model_selection import GridSearchCV

    from cnncodes import ImageClassifier
    from cnncodes.evaluation import cross_validate
    from cnncodes.heads.estimator import LinearHead

    X = np.random.default_rng(0).normal(size=(31, 8))
    y = np.array([*["ant", "bee"] * 15, "cat"])
    images = [Image.new("RGB", (8, 8), (i * 8, 255 - i * 8, 99)) for i in range(31)]
    grid = GridSearchCV(LinearHead("ridge"), {"scaling": ["l2"]}, cv=[(np.arange(31), np.arange(31))])
    classifier = ImageClassifier(head="ridge", train_views="center")
    return {
        "a head": lambda: LinearHead("ridge").fit(X, y),
        "images": lambda: classifier.fit(images, y),
        "a search of scikit-learn's": lambda: grid.fit(X, y),
        "cross-validation": lambda: cross_validate(classifier, images, y),
    }


@pytest.mark.parametrize("way", ["a head", "images", "a search of scikit-learn's", "cross-validation"])
def test_a_warning_names_the_line_of_the_caller(way: str) -> None:
    fit = warn_of_a_scarce_class()[way]
    with pytest.warns(ResultWarning, match="class|images") as caught:
        fit()
    assert {one.filename for one in caught} == {__file__}


def _stages_of(tree: ast.AST) -> Iterator[str]:
    """Yield the stages of the failures that some code makes: `UnreadableImage`, `Failure`, or `fail`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            place = {"UnreadableImage": 0, "fail": 0, "Failure": 1}.get(node.func.id)
            given = node.args[place] if place is not None and len(node.args) > place else None
            if isinstance(given, ast.Constant):
                yield str(given.value)


def test_every_failure_is_of_a_stage_that_is_known_and_documented() -> None:
    made = {stage for path in PACKAGE.rglob("*.py") for stage in _stages_of(ast.parse(path.read_text()))}
    assert made == set(STAGES)
    for kind in (UnreadableImage, Failure):
        [listed] = re.findall(r"stage : \{(.+)\}", kind.__doc__ or "")
        assert tuple(re.findall(r'"(\w+)"', listed)) == STAGES
