"""Addresses of networks: where one comes from, said in a word.

========================================  ============================================================
``efficientnet-lite0``                    a name in the zoo
``torchvision:resnet18``                  an architecture of torchvision, with its default weights
``timm:resnet18.a1_in1k``                 an architecture of timm and the tag of its weights
``timm:resnet18@weights.safetensors``     the same with weights of one's own, out of a checkpoint
``python:nets.py:make@weights.pth``       a function of one's own that builds a network, and its weights
``hf-hub:owner/repo``                     a repository on the Hugging Face hub
``hf-hub:owner/repo@v2:onnx/model.onnx``  the same at a branch, tag or commit, and which of its files
``model.onnx``                            a file
========================================  ============================================================
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cnncodes.backbones.zoo import SOURCES
from cnncodes.errors import BackboneError, MissingFile, suggest

CHECKPOINTS = (".ckpt", ".pt", ".pth", ".safetensors")

_ARCHITECTURE = re.compile(r"[A-Za-z0-9]\w*")
_TAGGED = re.compile(r"[A-Za-z0-9]\w*(\.\w+)?")
_FUNCTION = re.compile(r"(?:[^:@]+\.py|[A-Za-z]:[^:@]+\.py|[^\W\d]\w*(?:\.[^\W\d]\w*)*):[^\W\d]\w*")
_REPOSITORY = re.compile(
    r"(?P<name>[\w-][\w.-]*/[\w-][\w.-]*)(?:@(?P<revision>[\w][\w./-]*))?(?::(?P<file>[\w][\w./ -]*))?"
)
_FORMS = {
    "python": (_FUNCTION, "python:MODULE:FUNCTION@CHECKPOINT, MODULE a dotted name or a file ending in .py"),
    "torchvision": (_ARCHITECTURE, "torchvision:NAME or torchvision:NAME@CHECKPOINT"),
    "timm": (_TAGGED, "timm:NAME, timm:NAME.TAG or either with @CHECKPOINT"),
}


@dataclass(frozen=True)
class Address:
    """Where a network comes from.

    Attributes
    ----------
    source : {"zoo", "torchvision", "timm", "python", "hf-hub", "file"}
    name : str
        Within that source; of a file, its path.
    checkpoint : Path, optional
        File with the weights, where they are not the source's own.
    revision, file : str, optional
        Of a repository: its branch, tag or commit, and which of its files.
    """

    source: str
    name: str
    checkpoint: Path | None = None
    revision: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        prefix = f"{self.source}:" if self.source in SOURCES else ""
        at = self.checkpoint or self.revision
        return f"{prefix}{self.name}" + (f"@{at}" if at else "") + (f":{self.file}" if self.file else "")

    @property
    def portable(self) -> str:
        """The address without the folders of its own files, which are others elsewhere."""
        name = _last_part(self.name) if self.source in ("python", "file") else self.name
        checkpoint = None if self.checkpoint is None else Path(self.checkpoint.name)
        return str(replace(self, name=name, checkpoint=checkpoint))

    @property
    def slug(self) -> str:
        """A plain name for a network from there: ``torchvision-resnet18``."""
        stem = Path(self.name).stem if self.source == "file" else self.name.replace("/", "-")
        if self.source == "python":
            stem = _last_part(self.name).replace(".py:", "-")
        parts = [self.source] if self.source in SOURCES else []
        parts += [stem, *([self.checkpoint.stem] if self.checkpoint else [])]
        parts += [Path(self.file).stem] if self.file else []
        return re.sub(r"[^\w.+-]", "-", "-".join(parts))


def _last_part(path: str) -> str:
    return re.split(r"[/\\]", path)[-1]


def parse_address(text: str) -> Address:
    """Return what an address says; whether there is such a network is found out where it is made.

    Raises
    ------
    BackboneError
        If the text is no address, names a checkpoint that is not there or of an unknown kind, or means an
        existing file as well; the text names both meanings.

    Examples
    --------
    >>> parse_address("timm:resnet18.a1_in1k").name, parse_address("hf-hub:me/net@v2").revision
    ('resnet18.a1_in1k', 'v2')
    >>> str(parse_address("efficientnet-lite0")), parse_address("torchvision:alexnet").slug
    ('efficientnet-lite0', 'torchvision-alexnet')
    """
    prefix, colon, rest = text.partition(":")
    if colon and prefix in SOURCES:
        if text.endswith(".onnx") and Path(text).is_file():
            raise BackboneError(
                f"{text!r} could mean the network {rest!r} of {prefix} or the file of that name here: write"
                f" './{text}' for the file."
            )
        return _parse_prefixed(prefix, rest)
    if prefix in ("http", "https") and rest.startswith("//"):
        raise BackboneError(_explain_page(text))
    if text.lower().endswith(".onnx"):
        return Address("file", text)
    if colon and "/" not in prefix and "\\" not in prefix:
        close = difflib.get_close_matches(prefix, SOURCES, n=1)
        hint = f" Did you mean '{close[0]}:{rest}'?" if close else ""
        known = ", ".join(f"{name}:" for name in SOURCES)
        raise BackboneError(f"{text!r}: unknown source {prefix!r}.{hint} Known: {known}.")
    if not text or "@" in text:
        raise BackboneError(
            f"{text!r} is no address: expected a name in the zoo, torchvision:NAME, timm:NAME.TAG,"
            " python:MODULE:FUNCTION, hf-hub:OWNER/REPO, or a file ending in .onnx; a checkpoint follows"
            f" torchvision:, timm: and python: alone{_offer_sources(text)}."
        )
    return Address("zoo", text)


def _offer_sources(text: str) -> str:
    """Return which addresses a bare name with a checkpoint may stand for."""
    name, at, file = text.partition("@")
    return f": 'timm:{text}' or 'torchvision:{text}'" if name and at and file else ""


def _explain_page(text: str) -> str:
    """Return what to say of a page of the web in place of an address."""
    found = re.match(r"https?://(?:www\.)?huggingface\.co/([\w-][\w.-]*/[\w-][\w.-]*)", text)
    if found:
        return f"{text!r} is a page of the hub: the repository's address is 'hf-hub:{found[1]}'."
    return (
        f"{text!r} is a page of the web: fetch the file first and give its path; a repository of the Hugging"
        " Face hub is hf-hub:OWNER/REPO."
    )


def explain_path(name: str) -> str | None:
    """Return what to say of a file or folder in place of an address; None where there is neither."""
    path = Path(name)
    if (path / "card.toml").is_file():
        return f"{name!r} is a backbone already: commands take it as it is, --backbone {name}."
    if name.lower().endswith(CHECKPOINTS):
        return (
            f"a checkpoint such as {name!r} holds weights alone: say of which network,"
            f" torchvision:NAME@{name}, timm:NAME@{name} or python:MODULE:FUNCTION@{name}."
        )
    if path.is_file():
        return f"{name!r} is no network: expected an address, or a file ending in .onnx."
    return None


def _parse_prefixed(source: str, rest: str) -> Address:
    if source == "hf-hub":
        return _parse_repository(rest)
    name, at, file = rest.partition("@")
    pattern, form = _FORMS[source]
    if not pattern.fullmatch(name) or (at and not file):
        raise BackboneError(f"{source + ':' + rest!r} is no address of {source}: expected {form}.")
    if not at:
        return Address(source, name)
    if not file.lower().endswith(CHECKPOINTS):
        raise BackboneError(f"a checkpoint must end in {', '.join(CHECKPOINTS)}. Got {file!r} instead.")
    if not Path(file).is_file():
        raise MissingFile(f"the checkpoint {file!r} of {source}:{name} is not there or no file.")
    return Address(source, name, Path(file))


def _parse_repository(rest: str) -> Address:
    found = _REPOSITORY.fullmatch(rest)
    if not found or (found["revision"] or "").endswith(CHECKPOINTS):
        raise BackboneError(
            f"{'hf-hub:' + rest!r} is no address of hf-hub: expected hf-hub:OWNER/REPO, with @REVISION (a"
            " branch, tag or commit) and :FILE after it where these have to be said."
        )
    return Address("hf-hub", found["name"], revision=found["revision"], file=found["file"])


def explain_unknown(name: str, zoo: Iterable[str], sources: Mapping[str, Iterable[str]]) -> str:
    """Return what to say of a bare name that the zoo lacks: every source that knows it, else the nearest.

    Parameters
    ----------
    name : str
    zoo : iterable of str
        Names in the zoo.
    sources : mapping of str to iterable of str
        Names of architectures by source, those that are installed.

    Examples
    --------
    >>> explain_unknown("resnet18", ["lite0"], {"timm": ["resnet18"], "torchvision": ["resnet18"]})
    "'resnet18' could mean 'timm:resnet18' or 'torchvision:resnet18': say which."
    """
    stem, tag, _ = name.partition(".")
    meant = [
        f"{source}:{name}"
        for source, known in sorted(sources.items())
        if stem in set(known) and (not tag or source == "timm")  # nobody else has tags
    ]
    if len(meant) > 1:
        return f"{name!r} could mean {' or '.join(map(repr, meant))}: say which."
    hint = f"Did you mean {meant[0]!r}? " if meant else ""
    advice = suggest(name, zoo)
    return f"no network {name!r} can be exported. {hint}{advice[advice.find('Known') :] if meant else advice}"
