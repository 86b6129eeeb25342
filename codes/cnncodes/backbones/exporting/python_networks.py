"""Networks of one's own: a function that builds one, and a checkpoint with its weights.

The function is code of the user's, and is run: by ``models export`` and ``models verify --parity``, and by
nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from cnncodes.backbones.exporting.addresses import Address
from cnncodes.backbones.exporting.drafts import Facts, read_facts
from cnncodes.backbones.exporting.originals import Original, missing_export_extra
from cnncodes.backbones.exporting.weights import describe_weights, fill
from cnncodes.errors import BackboneError, MissingFile, sentence, suggest


def find_in_python(address: Address, random_state: int | None, facts: Facts | None = None) -> Original:
    """Return the network that a function builds, with a checkpoint's weights or random ones.

    How images are fed to it is read, where it is not given, from the file beside the checkpoint, or beside
    the module where the weights are random, see `cnncodes.backbones.exporting.drafts`.

    Raises
    ------
    BackboneError
        If there is no such module, or no checkpoint where one is needed.
    """
    module, _, function = address.name.rpartition(":")
    if address.checkpoint is None and random_state is None:
        raise BackboneError(
            f"{str(address)!r} has no weights: give a checkpoint, {address}@FILE, or --random-weights."
        )
    file = _find_file(module)
    facts = facts or read_facts(address.checkpoint or file)
    return Original(
        name=address.slug,
        description=facts.description,
        licence=facts.licence,
        packages=("torch",),
        make=partial(_make, address, module, function, random_state),
        mean=facts.pixel_mean,
        std=facts.pixel_std,
        channels=facts.channels,
        frame=facts.frame,
        weights=describe_weights(address, random_state),
        address=address.portable,
        random_state=random_state,
    )


def _find_file(module: str) -> Path:
    """Return the file of a module; of a package, the one that is run first."""
    if module.endswith(".py"):
        if not Path(module).is_file():
            raise MissingFile(f"there is no module {module!r}: it is no file.")
        return Path(module)
    with _importing(module, Path.cwd()):
        spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise MissingFile(
            f"there is no module {module!r} with a file of its own, neither here nor installed: expected a"
            " dotted name, or a file ending in .py."
        )
    return Path(spec.origin)


def _make(address: Address, module: str, function: str, random_state: int | None) -> Any:
    with missing_export_extra():
        import torch
    where = f"{function}() of {module}"
    folder = Path(module).resolve().parent if module.endswith(".py") else Path.cwd()
    with _importing(module, folder):
        loaded = _load(module)
    build = getattr(loaded, function, None)
    if build is None:
        raise BackboneError(f"{module} has no {function!r}. {suggest(function, _list_functions(loaded))}")
    if not callable(build):
        raise BackboneError(f"{function!r} of {module} is no function. Got {type(build).__name__}.")
    try:
        with _on_path(folder):
            net = build()
    except (Exception, SystemExit) as error:  # whatever the user's code says
        raise BackboneError(f"{where} raises {sentence(_describe(error))}") from error
    if not isinstance(net, torch.nn.Module):
        raise BackboneError(f"{where} must return a torch.nn.Module. Got {type(net).__name__}.")
    return fill(net, address, random_state).eval()


def _load(module: str) -> Any:
    if not module.endswith(".py"):
        return importlib.import_module(module)
    path = Path(module).resolve()
    # Under a name of its own, lest it takes the place of another module; classes look themselves up there.
    name = f"_cnncodes_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # it ends in .py
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


@contextlib.contextmanager
def _importing(module: str, folder: Path) -> Iterator[None]:
    """Import from a folder first, and say of a module that does not import why."""
    try:
        with _on_path(folder):
            yield
    except ModuleNotFoundError as error:
        if error.name and f"{module}.".startswith(f"{error.name}."):
            raise MissingFile(f"there is no module {error.name!r}, neither here nor installed.") from error
        raise BackboneError(f"{module} cannot be imported: {sentence(_describe(error))}") from error
    except (Exception, SystemExit) as error:
        raise BackboneError(f"{module} cannot be imported: {sentence(_describe(error))}") from error


@contextlib.contextmanager
def _on_path(folder: Path) -> Iterator[None]:
    """Let a network's module import what lies beside it, and keep what it prints out of our own output."""
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path[:] = before


def _describe(error: BaseException) -> str:
    said = " ".join(str(error).split())[:200].rstrip(".")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _list_functions(module: Any) -> list[str]:
    """Return the names of a module's own functions and classes."""
    values = vars(module).items()
    own = [name for name, value in values if getattr(value, "__module__", None) == module.__name__]
    return sorted(name for name in own if not name.startswith("_"))
