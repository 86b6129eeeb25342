"""In words, how what a training was asked for, and its images, differ from what they are now."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from cnncodes.errors import agree, count
from cnncodes.finetuning.settings import FineTuning
from cnncodes.schema import flag

_SEED = "random_state"
#: Of a longer text the first characters are shown: it is a hash, or the name of a long path.
_LONG, _SHOWN = 60, 12


class Trained(NamedTuple):
    """What is known of an image that is trained on, or chosen by."""

    content: str
    label: str
    part: str


def compare_requests(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return in words what was asked for otherwise; what one of the two does not know is left out.

    Examples
    --------
    >>> compare_requests({"base_lr": 0.1, "head": "lda", "crop": {"size": 8}}, {"base_lr": 0.2, "crop": {}})
    ['base_lr (--base-lr) was 0.1 and is 0.2 now', 'crop.size (--crop) was 8 and is not given now']
    """
    flags = {field.name: flag(field) for field in dataclasses.fields(FineTuning)}
    said = []
    for option in before:
        if option not in now:
            continue
        old, new = _flatten(option, before[option]), _flatten(option, now[option])
        for name in dict.fromkeys([*old, *new]):
            was, is_ = old.get(name), new.get(name)
            seeded = name.endswith(f".{_SEED}") and before.get(_SEED) != now.get(_SEED)
            if was != is_ and not seeded:  # views have the seed of all
                given = flags.get(option, "--" + option.replace("_", "-"))
                said.append(f"{name} ({given}) was {_show(was)} and is {_show(is_)} now")
    return said


def compare_images(
    before: Mapping[str, Trained], now: Mapping[str, Trained], unread: Mapping[str, str]
) -> list[str]:
    """Return in words how the images of a training, by key, are others, each kind with one of them.

    Parameters
    ----------
    before, now : dict of str to Trained
    unread : dict of str to str
        Images that cannot be read, and why.

    Examples
    --------
    >>> old = {"a": Trained("01", "cat", "train"), "b": Trained("02", "cat", "train")}
    >>> compare_images(old, {"a": Trained("01", "dog", "train"), "c": Trained("02", "cat", "train")}, {})
    ["1 image is called otherwise: 'b' is 'c' now", "the label of 1 image, 'a', was 'cat' and is 'dog' now"]
    """
    gone = [key for key in before if key not in now]
    come = [key for key in now if key not in before]
    lost = [key for key in gone if key in unread]
    called = _match(before, [key for key in gone if key not in unread], now, come)
    gone = [key for key in gone if key not in unread and key not in called]
    taken = set(called.values())
    come = [key for key in come if key not in taken]
    said = []
    if lost:
        said.append(f"{count(len(lost), 'image')} cannot be read any more: {lost[0]!r} ({unread[lost[0]]})")
    if gone:
        said.append(f"{_say_are(gone)} gone from this training: {gone[0]!r}")
    if come:
        said.append(f"{_say_are(come)} new to it: {come[0]!r}")
    if called:
        old, new = next(iter(called.items()))
        said.append(f"{_say_are(list(called))} called otherwise: {old!r} is {new!r} now")
    both = [key for key in before if key in now]
    if changed := [key for key in both if before[key].content != now[key].content]:
        said.append(f"{_say_are(changed)} another file than before: {changed[0]!r}")
    for name, noun in (("label", "label"), ("part", "part")):
        others = [key for key in both if getattr(before[key], name) != getattr(now[key], name)]
        if others:
            was, is_ = (getattr(some[others[0]], name) for some in (before, now))
            of = f"{count(len(others), 'image')}, {others[0]!r},"
            said.append(f"the {noun} of {of} was {was!r} and is {is_!r} now")
    return said


def _match(
    before: Mapping[str, Trained], gone: list[str], now: Mapping[str, Trained], come: list[str]
) -> dict[str, str]:
    """Return the new names of images that have the same content under another."""
    names: dict[str, list[str]] = {}
    for key in reversed(come):
        names.setdefault(now[key].content, []).append(key)
    return {key: names[before[key].content].pop() for key in gone if names.get(before[key].content)}


def _say_are(keys: list[str]) -> str:
    return f"{count(len(keys), 'image')} {agree(len(keys), 'is')}"


def _flatten(name: str, value: Any) -> dict[str, Any]:
    """Return plain values by the names that lead to them."""
    if not isinstance(value, dict):
        return {name: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= _flatten(f"{name}.{key}", inner)
    return found


def _show(value: Any) -> str:
    if value is None:
        return "not given"
    text = repr(value)
    return f"{text[:_SHOWN]}…" if len(text) > _LONG else text
