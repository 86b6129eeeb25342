"""Keys of images: text that can be stored, each of them once."""

from __future__ import annotations


def to_text(name: str) -> str:
    """Return a file name as text that can be written as UTF-8; bytes that are none become escapes.

    Examples
    --------
    >>> print(to_text(b"caf\\xe9.jpg".decode("utf-8", "surrogateescape")))
    caf\\xe9.jpg
    """
    if name.isascii():
        return name
    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte: no file can have that name
        raw = name.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace")


def make_unique(keys: list[str]) -> list[str]:
    """Return keys of which the second and later equal ones end in ``#2``, ``#3`` …

    Examples
    --------
    >>> make_unique(["a", "b", "a"])
    ['a', 'b', 'a#2']
    """
    taken = set(keys)
    if len(taken) == len(keys):
        return list(keys)
    seen: set[str] = set()
    counts: dict[str, int] = {}
    unique = []
    for key in keys:
        name = key
        while name in seen:
            counts[key] = counts.get(key, 1) + 1
            name = f"{key}#{counts[key]}"
            if name in taken:  # a row of that very name stands elsewhere in the table
                name = key
        seen.add(name)
        unique.append(name)
    return unique


def is_url(path: str) -> bool:
    """Say whether something given as a path is an address.

    Examples
    --------
    >>> is_url("https://example.org/cat.jpg"), is_url("photos/cat.jpg")
    (True, False)
    """
    scheme, separator, _ = path.partition("://")
    return bool(separator) and len(scheme) > 1 and scheme.replace("+", "").isalnum()
