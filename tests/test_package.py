"""What the distribution holds, what `cnncodes` exports, and what importing it costs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

import cnncodes

REPO = Path(__file__).resolve().parents[1]
MAX_WHEEL_BYTES = 25_000_000

HEAVY = [
    "PIL", "joblib", "matplotlib", "numpy", "onnx", "onnxruntime", "pandas", "pyarrow", "scipy",
    "skops", "sklearn", "timm", "torch",
]  # fmt: skip


def loaded_by(statement: str, names: list[str]) -> list[str]:
    """Return which of the modules a fresh interpreter has after a statement."""
    code = f"{statement}\nimport sys\nprint('loaded', *[name for name in {names!r} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(Path(cnncodes.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout.split()[1:]


def test_every_public_name_exists() -> None:
    for name in cnncodes.__all__:
        assert getattr(cnncodes, name).__name__ == name


def test_all_is_sorted_and_without_repeats() -> None:
    assert list(cnncodes.__all__) == sorted(set(cnncodes.__all__))


def test_dir_offers_the_public_names_alone() -> None:
    public = {name for name in dir(cnncodes) if not name.startswith("_")}
    assert public == set(cnncodes.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'embbed'"):
        cnncodes.embbed  # noqa: B018


def test_the_version_is_the_distributions() -> None:
    declared = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["version"]
    assert cnncodes.__version__ == declared


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import cnncodes", HEAVY) == []


def test_the_check_for_heavy_modules_sees_them() -> None:
    assert loaded_by("import cnncodes; cnncodes.embed", ["numpy", "torch"]) == ["numpy"]


def test_prediction_with_a_linear_head_loads_neither_sklearn_nor_torch() -> None:
    statement = "from cnncodes.estimators import predictor, saving"
    assert loaded_by(statement, ["sklearn", "torch", "onnx", "matplotlib", "pandas"]) == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel named by CNNCODES_WHEEL, or one built now from the checkout."""
    if "CNNCODES_WHEEL" in os.environ:
        return Path(os.environ["CNNCODES_WHEEL"])
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=REPO, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def members(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_wheel_installs_one_package_and_its_metadata(members: list[str]) -> None:
    top = {PurePosixPath(name).parts[0] for name in members}
    assert top == {"cnncodes", f"cnncodes-{cnncodes.__version__}.dist-info"}


def test_wheel_holds_every_module_and_the_marker_of_types(members: list[str]) -> None:
    modules = (REPO / "codes" / "cnncodes").rglob("*.py")
    expected = {path.relative_to(REPO / "codes").as_posix() for path in modules}
    assert expected | {"cnncodes/py.typed"} <= set(members)


def test_wheel_holds_the_page_of_reports(members: list[str]) -> None:
    assets = (REPO / "codes/cnncodes/report/assets").iterdir()
    expected = {f"cnncodes/report/assets/{path.name}" for path in assets}
    assert "cnncodes/report/assets/page.html" in expected and expected <= set(members)


def test_wheel_holds_the_zoo(members: list[str]) -> None:
    zoo = {name for name in members if name.startswith("cnncodes/_models/")}
    card = tomllib.loads((REPO / "models/efficientnet-lite0/card.toml").read_text())
    for name in ("card.toml", *card["files"]):
        assert f"cnncodes/_models/efficientnet-lite0/{name}" in zoo


def test_wheel_holds_the_recipes_and_the_sample(members: list[str]) -> None:
    data = {name.removeprefix("cnncodes/_pipelines/") for name in members if "/_pipelines/" in name}
    recipes = {path.name for path in (REPO / "pipelines").glob("*.toml")}
    assert {"quickstart.toml", "fixed-extractor.toml"} <= recipes
    assert recipes <= data
    assert [name for name in data if name.startswith("samples/") and name.endswith(".parquet")]


def test_wheel_holds_no_scripts_among_its_data(members: list[str]) -> None:
    data = [name for name in members if re.match(r"cnncodes/_(models|pipelines)/", name)]
    assert [name for name in data if name.endswith((".py", ".pyc"))] == []


def test_wheel_carries_licence_and_notice(members: list[str]) -> None:
    licences = f"cnncodes-{cnncodes.__version__}.dist-info/licenses"
    assert {f"{licences}/LICENSE", f"{licences}/NOTICE"} <= set(members)


def test_wheel_names_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"cnncodes-{cnncodes.__version__}.dist-info/entry_points.txt").decode()
    assert re.search(r"^cnncodes = cnncodes\.__main__:main$", text, re.MULTILINE)


def test_wheel_is_small_enough(wheel: Path) -> None:
    assert wheel.stat().st_size < MAX_WHEEL_BYTES


def test_a_wheel_with_the_library_is_for_this_platform_alone(wheel: Path, members: list[str]) -> None:
    has_library = "cnncodes/views/_views.library" in members
    assert has_library == (not wheel.name.endswith("-none-any.whl"))
    sources = {f"cnncodes/views/{name}" for name in ("_resize.c", "_vectors.h", "_warp.c")}
    assert sources <= set(members)  # by which a library of another version is known
