"""What the program has set in Pillow for its whole process, to be set alike in another one."""

from __future__ import annotations

import importlib
import pickle
from dataclasses import dataclass
from typing import Any, Self

from cnncodes.errors import UsageError
from cnncodes.images.opening import FORMATS

#: Module, name: what decides which pictures Pillow decodes, what they become, and why some are not.
_NAMES = (
    ("PIL.Image", "MAX_IMAGE_PIXELS"),
    ("PIL.ImageFile", "LOAD_TRUNCATED_IMAGES"),
    ("PIL.PngImagePlugin", "MAX_TEXT_CHUNK"),
    ("PIL.PngImagePlugin", "MAX_TEXT_MEMORY"),
    ("cnncodes.images.plugins", "BROKEN"),
)


@dataclass(frozen=True)
class Switches:
    """Pillow's settings, and the plugins that others have registered; may be pickled.

    Attributes
    ----------
    values : dict
        By module and name.
    plugins : dict
        For the name of each format that a plugin from elsewhere opens, the two functions that it registered.
    """

    values: dict[tuple[str, str], Any]
    plugins: dict[str, tuple[Any, Any]]

    @classmethod
    def read(cls) -> Self:
        """Return those of this process.

        Raises
        ------
        UsageError
            If a plugin is defined where no other process finds it.
        """
        from PIL import Image as pillow

        pillow.init()
        values = {(module, name): getattr(importlib.import_module(module), name) for module, name in _NAMES}
        plugins = {
            name: pillow.OPEN[name]
            for name in FORMATS
            if name in pillow.OPEN and not pillow.OPEN[name][0].__module__.startswith("PIL.")
        }
        for name, functions in plugins.items():
            _check_plugin(name, functions)
        return cls(values, plugins)

    def set(self) -> None:
        """Set them in this process."""
        from PIL import Image as pillow

        pillow.init()
        for (module, name), value in self.values.items():
            setattr(importlib.import_module(module), name, value)
        for name, (factory, accept) in self.plugins.items():
            pillow.register_open(name, factory, accept)


def _check_plugin(name: str, functions: tuple[Any, ...]) -> None:
    try:
        pickle.dumps(functions)
        is_found = all(getattr(one, "__module__", None) != "__main__" for one in functions)
    except (pickle.PicklingError, AttributeError, TypeError):  # a function within a function, for one
        is_found = False
    if not is_found:
        raise UsageError(
            f"Pillow's plugin for {name} is defined where another process cannot import it: move it into a"
            " module of its own, or decode in the job's own process (isolate=False, n_jobs=4 at most)."
        )
