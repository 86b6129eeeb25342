"""Plugins of Pillow that are installed, registered for a command; in Python the program registers its own."""

from __future__ import annotations

import importlib
import importlib.util

from cnncodes.errors import agree, warn
from cnncodes.images.endings import PLUGINS, Plugin


def register_installed() -> None:
    """Register each plugin of `PLUGINS` that is installed and not registered yet.

    Warns
    -----
    UserWarning
        If one cannot be imported, which is then as if it were not installed.
    """
    for name, plugin in PLUGINS.items():
        if is_installed(plugin) and (reason := register(name)):
            endings = f"{', '.join(plugin.endings)} {agree(len(plugin.endings), 'is')}"
            warn(
                f"{plugin.package} is installed and does not work ({reason}): {endings} not read. Install"
                f" it anew (pip install --force-reinstall {plugin.package}), or remove it"
            )


def is_installed(plugin: Plugin) -> bool:
    """Tell whether a plugin can be found, without importing it."""
    try:
        return importlib.util.find_spec(plugin.module) is not None
    except ValueError:  # somebody has put something else in its place
        return False


def register(name: str) -> str:
    """Import the plugin for a format and register it; return why that failed, empty where it did not."""
    from PIL import Image as pillow

    if name in pillow.OPEN:
        return ""
    plugin = PLUGINS[name]
    try:
        module = importlib.import_module(plugin.module)
        if plugin.function:
            getattr(module, plugin.function)()
    except Exception as error:  # whatever a library of another version of its own raises
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return "" if name in pillow.OPEN else f"it registers no format {name}"
