"""The space of a code: what kind of vector it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, TypeAlias

from cnncodes.errors import StoreError, suggest

#: Of a value in an error.
_LONGEST = 160
#: Key of what a plan has learned from images, numbers that tell a reader nothing.
_LEARNED = "principal_colors"

#: What an error calls the two that differ.
Sides: TypeAlias = tuple[str, str]
SIDES: Sides = "stored", "now"


@dataclass(frozen=True)
class Space:
    """What kind of vector codes are; codes of two spaces never mix.

    Attributes
    ----------
    backbone : str
        Name of the network.
    backbone_sha256 : str
        Hash of its ONNX file: the network's identity.
    layer : str
        The layer whose activations the code is.
    code_size : int
        Length of the vector.
    preprocessing : str
        How pixels become the network's input.
    decoding : str
        ``"exact"``, ``"fast"``, ``"nvimgcodec"`` or ``"nvimgcodec-cpu"``.
    precision : str
        Of the arithmetic: ``"fp32"``, ``"fp16"`` or ``"int8"``. Each has a file, and a hash, of its own.

    Examples
    --------
    >>> a = Space("net", "00ff", "pool", 8, "bicubic", "exact")
    >>> b = Space("net", "00ff", "pool", 8, "bicubic", "fast")
    >>> a.differences(b)
    ["decoding: 'exact' (stored) against 'fast' (now)"]
    """

    backbone: str
    backbone_sha256: str
    layer: str
    code_size: int
    preprocessing: str
    decoding: str
    precision: str = "fp32"

    @property
    def id(self) -> str:
        """32 hexadecimal digits: equal exactly where all fields are."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def differences(self, other: Space, sides: Sides = SIDES) -> list[str]:
        """Name each field that differs, with the value here (stored) and in `other` (now)."""
        return describe_differences(self.to_dict(), other.to_dict(), sides=sides)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict that JSON and TOML can write."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Space:
        """Build a space from what `to_dict` gave.

        Raises
        ------
        StoreError
            If a field is missing, unknown, or of the wrong type.
        """
        if not isinstance(values, Mapping):
            raise StoreError(f"a space must be a table of fields. Got {type(values).__name__} instead.")
        known = {field.name: field for field in fields(cls)}
        for name in values:
            if name not in known:
                raise StoreError(f"a space has no field {name!r}. {suggest(str(name), known)}")
        for name, field in known.items():
            if name not in values and field.default is MISSING:
                raise StoreError(f"a space must have the field {name!r}, and it is missing.")
            wanted = int if name == "code_size" else str
            if name in values and type(values[name]) is not wanted:
                raise StoreError(f"a space's {name} must be {wanted.__name__}. Got {values[name]!r} instead.")
        return cls(**values)


def describe_differences(stored: Any, now: Any, prefix: str = "", *, sides: Sides = SIDES) -> list[str]:
    """Say where two values that JSON can write differ, one line for each leaf; `sides` names the two.

    Examples
    --------
    >>> describe_differences({"a": {"b": 1}}, {"a": {"b": 2}}, "plan")
    ['plan.a.b: 1 (stored) against 2 (now)']
    """
    if isinstance(stored, Mapping) and isinstance(now, Mapping):
        if prefix.endswith(_LEARNED) and stored != now:
            return [_contrast_colors(prefix, stored, now, sides)]
        lines = []
        for name in [*stored, *(n for n in now if n not in stored)]:
            path = f"{prefix}.{name}" if prefix else str(name)
            if name not in now:
                lines.append(_contrast(path, _show(name, stored[name]), "nothing", sides))
            elif name not in stored:
                lines.append(_contrast(path, "nothing", _show(name, now[name]), sides))
            else:
                lines.extend(describe_differences(stored[name], now[name], path, sides=sides))
        return lines
    return [] if stored == now else [_contrast(prefix, _shorten(stored), _shorten(now), sides)]


def _contrast(name: str, first: str, second: str, sides: Sides) -> str:
    return f"{name}: {first} ({sides[0]}) against {second} ({sides[1]})"


def _contrast_colors(prefix: str, stored: Any, now: Any, sides: Sides) -> str:
    others = _show(_LEARNED, now).replace("those", "others")
    return _contrast(prefix, _show(_LEARNED, stored), others, sides)


def _show(name: str, value: Any) -> str:
    if name == _LEARNED and isinstance(value, Mapping):
        return f"those of {value.get('n_images', 0)} images"
    return _shorten(value)


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
