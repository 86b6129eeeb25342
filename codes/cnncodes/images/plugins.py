"""Plugins of Pillow that are installed, registered for a command; in Python the program registers its own."""

from __future__ import annotations

import importlib
import importlib.util
from typing import NamedTuple

from cnncodes.errors import agree, warn


class Plugin(NamedTuple):
    """A plugin of Pillow for pictures that it does not read by itself.

    Attributes
    ----------
    title : str
        What the format is called.
    package, module : str
        What is installed, and what is imported.
    function : str
        Registers it; empty where the import does.
    endings : tuple of str
        Taken for pictures where it is registered.
    """

    title: str
    package: str
    module: str
    function: str
    endings: tuple[str, ...]

    @property
    def code(self) -> str:
        """What a Python program does to register it."""
        return f"{self.module}.{self.function}()" if self.function else f"import {self.module}"


#: By Pillow's name of the format.
PLUGINS = {
    "HEIF": Plugin("HEIF", "pillow-heif", "pillow_heif", "register_heif_opener", (".heic", ".heif", ".hif")),
    "JXL": Plugin("JPEG XL", "pillow-jxl-plugin", "pillow_jxl", "", (".jxl",)),
}
#: Why plugins do not work, by their modules, as far as this process has tried them.
BROKEN: dict[str, str] = {}


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
            remedy = say_remedy(plugin.package)
            warn(
                f"{plugin.package} is installed and does not work ({reason}): {endings} not read."
                f" {remedy[0].upper()}{remedy[1:]}"
            )


def say_remedy(package: str) -> str:
    """Return what to do where a plugin is installed and does not work."""
    return f"install it anew (pip install --force-reinstall {package}), or remove it"


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
    reason = _try(plugin) or ("" if name in pillow.OPEN else f"it registers no format {name}")
    BROKEN[plugin.module] = reason
    return reason


def _try(plugin: Plugin) -> str:
    try:
        module = importlib.import_module(plugin.module)
        if plugin.function:
            getattr(module, plugin.function)()
    except Exception as error:  # whatever a library of another version of its own raises
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return ""


def say_unread(what: str, plugin: Plugin, n: int = 1) -> str:
    """Say why what takes a plugin is not read: it is not installed, does not work, or is not registered.

    Parameters
    ----------
    what : str
        What takes it, such as endings of names.
    plugin : Plugin
    n : int
        Of how many things `what` is.
    """
    if not is_installed(plugin):
        return (
            f"{what} {agree(n, 'is')} read once {plugin.package} is installed (pip install {plugin.package})"
        )
    if reason := BROKEN.get(plugin.module):
        return f"{what} {agree(n, 'is')} not read, since {plugin.package} does not work: {reason}"
    return f"{what} {agree(n, 'is')} read once a Python program registers {plugin.package}: `{plugin.code}`"
