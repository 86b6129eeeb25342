"""Text from elsewhere, such as a file's name, made harmless for a terminal."""

from __future__ import annotations

import re

# Control characters but tab and newline, those that turn the direction of writing, bytes that are no text.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def escape_controls(text: str) -> str:
    r"""Return a text with escapes in place of what would steer a terminal.

    Examples
    --------
    >>> print(escape_controls("red\x1b[31m.png"))
    red\x1b[31m.png
    """
    return _CONTROLS.sub(lambda match: repr(match[0])[1:-1], text)
