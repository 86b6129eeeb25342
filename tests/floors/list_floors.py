"""Write the least versions that pyproject.toml declares as constraints for pip (``make test-floors``)."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

#: A requirement as they are declared here: a name, extras, the least version or the only one, a marker.
_REQUIREMENT = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?(?:>=|==)([\w.]+)(\s*;.*)?")


def list_floors(text: str, extras: list[str]) -> Iterator[str]:
    """Yield a constraint for each core dependency and each one of some extras.

    Raises
    ------
    ValueError
        If a requirement has no least version.
    """
    project = tomllib.loads(text)["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][name] for name in extras)]
    for requirement in dict.fromkeys(one for some in lists for one in some):
        found = _REQUIREMENT.fullmatch(requirement)
        if found is None:
            raise ValueError(f"{requirement!r} says no least version, as in name>=1.2")
        yield f"{found[1]}=={found[2]}{found[3] or ''}"


if __name__ == "__main__":
    pyproject = Path(__file__).parents[2] / "pyproject.toml"
    print("\n".join(list_floors(pyproject.read_text(encoding="utf-8"), sys.argv[1:])))
