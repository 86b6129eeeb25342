"""Labels that are several in one text rather than the name of a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

#: What divides labels; blanks and hyphens are of names.
_SIGNS = "|;,"


def find_delimiter(labels: Iterable[str | None]) -> tuple[str, str] | None:
    """Return what seems to divide several labels in texts, and such a text; None where nothing does.

    A sign is taken for that where two different texts or more hold it, and half of these at least have no
    part that is in no other text: parts of a name, as in ``"Smith, J"``, are seldom shared, but labels are.
    Names have no ``|``: there one part that is in another text is enough.

    Examples
    --------
    >>> find_delimiter(["cat;dog", "dog;bird", "cat", "bird"])
    (';', 'cat;dog')
    >>> find_delimiter(["Smith, J", "Smith, K", "Jones, L"]), find_delimiter(["cat;dog", None])
    (None, None)
    """
    texts = list(dict.fromkeys(label for label in labels if label is not None))
    for sign in _SIGNS:
        parts = {text: {part.strip() for part in text.split(sign)} - {""} for text in texts}
        counts = Counter(part for found in parts.values() for part in found)
        held = [text for text in texts if len(parts[text]) > 1]
        enough = any if sign == "|" else all
        shared = [text for text in held if enough(counts[part] > 1 for part in parts[text])]
        if len(held) > 1 and 2 * len(shared) >= len(held):
            return sign, shared[0]
    return None
