"""The zoo: which backbones are at hand, and where."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from cnncodes.errors import BackboneError, UnknownBackbone, suggest

#: What addresses of networks start with, before a colon.
SOURCES = ("hf-hub", "python", "timm", "torchvision")


def models_folder() -> Path:
    """Return the folder of the backbones that come with cnncodes: in a wheel, or in its repository."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_models"
    return installed if installed.is_dir() else package.parents[1] / "models"


def user_models_folder() -> Path:
    """Return the folder of the user's own backbones.

    It is ``$CNNCODES_HOME/models`` where that is set, else the platform's place for data of users.
    """
    home = os.environ.get("CNNCODES_HOME")
    if home:
        return Path(home) / "models"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "cnncodes" / "models"


def describe_unreadable() -> str:
    """Return why the user's own backbones cannot be read, and what to do; an empty text where they can."""
    folder = user_models_folder()
    try:
        next(folder.iterdir(), None)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return (
            f"the folder of your own networks, {str(folder)!r}, cannot be read: {error.strerror}. Mend it, or"
            " name another place by the environment variable CNNCODES_HOME"
        )
    return ""


def list_backbones() -> list[str]:
    """Return the names of all backbones at hand, sorted; a user's folder that cannot be read has none."""
    names = {card.parent.name for card in models_folder().glob("*/card.toml")}
    with contextlib.suppress(OSError):
        names |= {card.parent.name for card in user_models_folder().glob("*/card.toml")}
    return sorted(name for name in names if _is_name(name))


def _is_name(name: str) -> bool:
    """Tell a name from a path: ``..`` is one too, and hidden folders are no part of the zoo."""
    return Path(name).name == name != "" and not name.startswith(".")


def find_backbone(name_or_path: str | Path) -> Path:
    """Return the folder of a backbone.

    Parameters
    ----------
    name_or_path : str or path
        A name in the zoo, or a folder with a card. The user's own come after those of cnncodes.

    Raises
    ------
    BackboneError
        If there is none, or a name means a folder here as well.
    """
    if isinstance(name_or_path, str) and _is_name(name_or_path):
        named = find_named(name_or_path)
        if named is not None:
            _check_unambiguous(named)
            return named
    path = Path(name_or_path)
    if name_or_path != "" and (path / "card.toml").is_file():
        return path
    if path.suffix == ".cnncodes" and path.is_file():
        raise BackboneError(
            f"{str(path)!r} is a saved classifier, not a backbone: expected the name or folder of the network"
            " that it was made with, in fp32 where this is to be trained."
        )
    if name_or_path != "" and path.exists():
        made = f"; 'cnncodes models export {path}' makes one of it" if path.suffix == ".onnx" else ""
        raise BackboneError(
            f"{str(path)!r} is no backbone: expected a folder with card.toml and an ONNX file{made}."
        )
    said = str(name_or_path)
    if _is_address(said):
        raise BackboneError(
            f"{said!r} is the address of a network, not a backbone yet: 'cnncodes models export {said}' makes"
            " one of it and says where it is."
        )
    if "/" in said or os.sep in said or not isinstance(name_or_path, str):
        raise BackboneError(
            f"there is no folder {said!r}: expected one with card.toml and an ONNX file, or a name from"
            " 'cnncodes models list'."
        )
    known = suggest(said, list_backbones())
    hidden = describe_unreadable()
    hint = f" It may lie where nothing can be seen: {hidden}." if hidden else ""
    raise UnknownBackbone(f"unknown backbone {said!r}. {known}{hint}")


def find_named(name: str) -> Path | None:
    """Return the folder of the backbone that a name in the zoo means, whatever the current folder holds."""
    folders = (folder / name for folder in (models_folder(), user_models_folder()))
    return next((folder for folder in folders if _has_card(folder)), None)


def _has_card(folder: Path) -> bool:
    with contextlib.suppress(OSError):  # may not be looked at
        return (folder / "card.toml").is_file()
    return False


def choose_own_folder(name: str) -> Path:
    """Return the user's folder for a backbone that is new there and is to be found by its name.

    Raises
    ------
    BackboneError
        If one of that name comes with cnncodes, which is found first.
    """
    if (models_folder() / name / "card.toml").is_file():
        raise BackboneError(
            f"a backbone {name!r} comes with cnncodes and would be found first: give this one another"
            " folder, -o FOLDER."
        )
    return user_models_folder() / name


def _is_address(text: str) -> bool:
    """Tell whether a text is where `models export` would look for a network."""
    prefix, colon, rest = text.partition(":")
    return bool(colon and rest) and prefix in SOURCES


def _check_unambiguous(found: Path) -> None:
    here = Path(found.name)
    if (here / "card.toml").is_file() and here.resolve() != found.resolve():
        raise BackboneError(
            f"{found.name!r} could mean the backbone in {str(found)!r} or the folder of that name here: give"
            f" {'./' + found.name!r} for the folder, or the whole path of the other."
        )
