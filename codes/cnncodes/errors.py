"""Every error that cnncodes raises on purpose.

All derive from `CnnCodesError`, so one ``except`` catches what the library says itself and nothing
else. Those that stand for a wrong argument are `ValueError` too, as scikit-learn's users expect.
"""

from __future__ import annotations

import difflib
import json
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, get_args

#: Where an image fails: reading its file, decoding it, cutting its views, keeping its codes; "memory" is
#: wherever there was too little of it.
Stage: TypeAlias = Literal["read", "decode", "views", "code", "memory"]
STAGES: tuple[Stage, ...] = get_args(Stage)

#: Packages whose lines a warning does not name: a fit may come by a search of scikit-learn's, or by threads.
_PASSED_OVER = {"cnncodes", "sklearn", "joblib", "concurrent", "threading"}


class CnnCodesError(Exception):
    """Base of all errors of cnncodes; its text is one line that says what to do."""


class CostWarning(UserWarning):
    """What was asked for works, and costs more than something else that is as good."""


class ResultWarning(UserWarning):
    """What was asked for works, and what comes of it says less than it seems to, or is worth less."""


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn, naming the line that called cnncodes, from however deep within and through whatever library."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _PASSED_OVER:
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)


class UsageError(CnnCodesError, ValueError):
    """An argument, option or setting that cannot be right."""


class SourceError(CnnCodesError, ValueError):
    """A source of images that cannot be listed, or lacks what is needed: labels, classes, a part."""


class UnreadableImage(CnnCodesError):
    """One image that cannot be read or decoded.

    Attributes
    ----------
    stage : {"read", "decode", "views", "code", "memory"}
        Where it failed: one of `STAGES`.
    reason : str
        Why, in one line.
    limit : tuple of str and float, or None
        The name and value of the user's limit that it met, where a higher one might let it pass:
        ``("max_pixels", 1000)``.
    """

    def __init__(self, stage: Stage, reason: str, limit: tuple[str, float] | None = None) -> None:
        self.stage = stage
        self.reason = " ".join(str(reason).split())
        self.limit = limit
        super().__init__(f"{stage}: {self.reason}")

    def __reduce__(self) -> tuple[type, tuple[Stage, str, tuple[str, float] | None]]:
        return type(self), (self.stage, self.reason, self.limit)


class UnreadableImages(CnnCodesError, ValueError):
    """Several images that cannot be read, where the caller wanted all of them."""


class BackboneError(CnnCodesError):
    """A backbone that is unknown, damaged, or no backbone at all."""


class UnknownBackbone(BackboneError):
    """A name that is none of the backbones at hand."""


class MissingFile(BackboneError):
    """A file that an address names and that is not there."""


class ProviderError(BackboneError):
    """An execution provider that was asked for and is not there, or does not start.

    Attributes
    ----------
    reason : str
        Why, in the runtime's words, without a full stop.
    """

    def __init__(self, text: str, reason: str) -> None:
        self.reason = reason
        super().__init__(text)

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (str(self), self.reason)


class CardError(BackboneError, ValueError):
    """A backbone's card that is missing a key, has one too many, or does not match its files."""


class BackendMissing(CnnCodesError, ImportError):
    """An optional package is needed that is not installed, or two of them exclude each other."""


class SpaceMismatch(CnnCodesError, ValueError):
    """Codes of two spaces, or of two view plans, met where only one may be."""


class WorkerError(CnnCodesError):
    """Processes that decode images or train along, and do not start, or end before their time."""


class StoreError(CnnCodesError):
    """A codes dataset that cannot be opened, is damaged, or is held by another process."""


class DamagedManifest(StoreError):
    """A codes dataset whose manifest is damaged or gone; its shards may be sound."""


class InternalError(CnnCodesError):
    """cnncodes has found that it did not do what it should have; neither arguments nor files are at fault."""


class ShortageError(CnnCodesError):
    """Memory or threads that this process may not have; it says nothing of the files that were in hand."""


class SavedModelError(CnnCodesError, ValueError):
    """A saved classifier that is damaged, of a newer format, or holds something unexpected."""


def sentence(text: object) -> str:
    """Return in one line what may end in a full stop, or in another sign, so that it ends in exactly one.

    Examples
    --------
    >>> sentence("no such file"), sentence("Not a file."), sentence("Did you mean 'a'?")
    ('no such file.', 'Not a file.', "Did you mean 'a'?")
    """
    line = " ".join(str(text).split())
    return line if line.endswith((".", "?", "!", "…")) else f"{line}."


def name_some(names: Sequence[object], most: int = 5, show: Callable[..., str] = repr) -> str:
    """Return the first of some names, and how many more there are.

    Examples
    --------
    >>> name_some(["a", "b", "c"], 2), name_some([4, 7], show=str)
    ("'a', 'b' and 1 more", '4, 7')
    """
    more = len(names) - most
    return ", ".join(map(show, names[:most])) + (f" and {more:,} more" if more > 0 else "")


def check_path(path: object, name: str = "the path") -> None:
    """Raise `UsageError` if something is no path, or is empty: the working folder, which nobody means.

    Examples
    --------
    >>> check_path("", "out")
    Traceback (most recent call last):
    ...
    cnncodes.errors.UsageError: out is empty. Give a path; '.' is the working folder.
    """
    if isinstance(path, str) and not path.strip():
        raise UsageError(f"{name} is empty. Give a path; '.' is the working folder.")
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"{name} must be a path. Got {type(path).__name__} instead.")
    if "\0" in os.fsdecode(path):
        raise UsageError(f"{name} holds a zero byte, which no path may. Got {path!r}.")


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the sentence that helps with an unknown name.

    Examples
    --------
    >>> suggest("tencorp", ["center", "tencrop"])
    "Did you mean 'tencrop'? Known: center, tencrop."
    >>> suggest("--bat", ["--batch-size", "--out"])
    "Did you mean '--batch-size'? Known: --batch-size, --out."
    """
    names = sorted(known)
    close = find_close(name, names)
    hint = f"Did you mean {close!r}? " if close else ""
    # Names with commas could not be told apart without quotes.
    shown = [repr(name) for name in names] if any("," in name for name in names) else names
    return f"{hint}Known: {', '.join(shown) or 'none'}."


def find_close(name: str, names: list[str]) -> str | None:
    """Return the one name that begins so, or else the nearest."""
    begun = [one for one in names if name and one.startswith(name)]
    found = begun if len(begun) == 1 else difflib.get_close_matches(name, names, n=1)
    return found[0] if found else None


def suggest_nearest(name: str, known: Iterable[str]) -> str:
    """Return the same where the known names are too many to be listed.

    Examples
    --------
    >>> suggest_nearest("resnet8", ["alexnet", "resnet18"])
    "Did you mean 'resnet18'?"
    >>> suggest_nearest("unheard-of", ["alexnet", "resnet18"])
    'No name among its 2 is near.'
    """
    names = sorted(known)
    close = find_close(name, names)
    return f"Did you mean {close!r}?" if close else f"No name among its {len(names)} is near."


def install_advice(extra: str) -> str:
    """Return the command that installs one of the extras: from the checkout, or the clone that pip took.

    Examples
    --------
    >>> install_advice("cpu").startswith("pip install ")
    True
    """
    root = Path(__file__).resolve().parents[2]
    if not ((root / "pyproject.toml").is_file() and (root / "codes" / "cnncodes").is_dir()):
        source = _find_clone() or "cnncodes"
        return f"pip install {shlex.quote(f'{source}[{extra}]')}"
    return f"pip install -e {shlex.quote(f'{root}[{extra}]')}"


def _find_clone() -> str | None:
    """Return the folder that pip has installed the package from, None where there is none."""
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        about = json.loads(distribution("cnncodes").read_text("direct_url.json") or "{}")
        url = urlsplit(about["url"])
    except (PackageNotFoundError, ValueError, KeyError):
        return None
    folder = url2pathname(url.path)
    return folder if url.scheme == "file" and (Path(folder) / "pyproject.toml").is_file() else None


def count(number: int, one: str, several: str | None = None) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count(1, "image"), count(1200, "image"), count(2, "class", "classes")
    ('1 image', '1,200 images', '2 classes')
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def percent(share: float) -> str:
    """Return a share in per cent, with more digits where it would seem to be none or all, and is not.

    Examples
    --------
    >>> percent(0.25), percent(0.001), percent(0.9996), percent(1.0)
    ('25%', '0.1%', '99.96%', '100%')
    """
    digits = 0
    while 0 < share < 1 and digits < 9 and f"{share:.{digits}%}" in (f"{0:.{digits}%}", f"{1:.{digits}%}"):
        digits += 1
    return f"{share:.{digits}%}"


def steady(share: float) -> float:
    """Return a share such that ways to sum it up that differ by rounding alone show the same digits.

    Examples
    --------
    >>> share, mean = 0.8075, 0.8075000000000001
    >>> f"{share:.3f} {mean:.3f}", f"{steady(share):.3f} {steady(mean):.3f}"
    ('0.807 0.808', '0.807 0.807')
    """
    return round(float(share), 12)


#: Verbs and pronouns after one, and after several.
_AFTER_SEVERAL = {
    "is": "are",
    "was": "were",
    "has": "have",
    "does": "do",
    "holds": "hold",
    "it": "them",
    "its": "their",
    "that": "those",
}


def agree(number: int, one: str) -> str:
    """Return a verb or pronoun as it is after a number.

    Parameters
    ----------
    number : int
    one : {"is", "was", "has", "does", "holds", "it", "its", "that"}
        What it is after one; ``"it"`` is the object.

    Examples
    --------
    >>> agree(1, "is"), agree(2, "is"), agree(0, "was"), agree(3, "it")
    ('is', 'are', 'were', 'them')
    """
    return one if number == 1 else _AFTER_SEVERAL[one]
