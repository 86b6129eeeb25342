"""Where recipes are: package data in a wheel, the repository's folder in an editable install."""

from __future__ import annotations

from pathlib import Path

from cnncodes.errors import UsageError, suggest


def pipelines_folder() -> Path:
    """Return the folder of the recipes that come with cnncodes."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_pipelines"
    return installed if installed.is_dir() else package.parents[1] / "pipelines"


def list_recipes() -> list[str]:
    """Return the names of the recipes that come with cnncodes."""
    return sorted(path.stem for path in pipelines_folder().glob("*.toml"))


def find_recipe(name_or_file: str) -> Path:
    """Return the file of a recipe, or the record of a run, which holds one.

    Raises
    ------
    UsageError
        If no recipe has that name and no such file exists.
    """
    path = Path(name_or_file)
    if path.suffix.lower() in (".toml", ".json") or path.parent != Path("."):
        if path.is_file():
            return path
        raise UsageError(f"there is no recipe file {name_or_file!r}.")
    if name_or_file not in list_recipes():
        raise UsageError(f"unknown recipe {name_or_file!r}. {suggest(name_or_file, list_recipes())}")
    return pipelines_folder() / f"{name_or_file}.toml"
