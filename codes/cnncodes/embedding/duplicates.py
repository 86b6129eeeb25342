"""Equal images meet the network once: which lane makes the codes of a content, and who waits for them."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TypeAlias

from cnncodes.store import CodesWriter, Failure, ImageCodes, ImageCopy

Result: TypeAlias = ImageCodes | ImageCopy | Failure


class Duplicates:
    """Knows which contents are stored, in hand, or being worked on in some lane.

    Lanes call `claim`; the thread that writes calls the rest.

    Parameters
    ----------
    writer : CodesWriter
    """

    def __init__(self, writer: CodesWriter) -> None:
        self._writer = writer
        self._claimed: set[str] = set()
        self._claims: dict[str, str] = {}
        self._failed: dict[str, Failure] = {}
        self._waiting: dict[str, list[ImageCopy]] = {}
        self._lock = threading.Lock()

    def claim(self, key: str, content: str) -> bool:
        """Tell whether the codes of a content have to be made now; whoever asks first makes them."""
        with self._lock:
            if self._is_stored(key, content):
                return False
            if content in self._claimed or content in self._failed or self._writer.has_in_hand(content):
                return False
            if self._writer.promise(content):
                return False
            self._claimed.add(content)
            self._claims[key] = content
            return True

    def _is_stored(self, key: str, content: str) -> bool:
        stored = self._writer.known.get(key)
        return stored is not None and stored.content == content

    def resolve(self, result: Result) -> Result | None:
        """Return what to write for a lane's result; None for now where its codes are still being made."""
        if not isinstance(result, ImageCopy) or self._is_stored(result.key, result.content):
            return result
        if result.content in self._claimed:
            self._waiting.setdefault(result.content, []).append(result)
            return None
        return self._follow(result, self._failed.get(result.content))

    def end(self, key: str, failure: Failure | None) -> list[Result]:
        """Note that the writer has an image's codes, or that it failed; return what waited for it."""
        with self._lock:
            content = self._claims.pop(key, None)
            if content is None:
                return []
            self._claimed.remove(content)
            if failure is not None:
                self._failed[content] = failure
        return [self._follow(copy, failure) for copy in self._waiting.pop(content, [])]

    @property
    def unfinished(self) -> list[str]:
        """Keys of images that wait for another, and of those that were to make codes and have not ended."""
        waiting = [copy.key for copies in self._waiting.values() for copy in copies]
        return [*waiting, *self._claims]

    @staticmethod
    def _follow(copy: ImageCopy, failure: Failure | None) -> ImageCopy | Failure:
        if failure is None:
            return copy
        if failure.stage == "read":  # its own file could be read
            reason = f"its codes were to be those of {failure.key!r}, which failed: {failure.reason}"
            failure = replace(failure, reason=reason)
        return replace(failure, key=copy.key, size=copy.size, mtime_ns=copy.mtime_ns)
