"""The Hugging Face hub: what a repository holds, and its files, each compared with the hash that is listed.

Only ``models export`` and ``models pull`` come here, and ``models verify --parity`` of a network from there.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnncodes.backbones.exporting.addresses import Address
from cnncodes.backbones.exporting.originals import NO_LICENCE, missing_export_extra
from cnncodes.errors import BackboneError

#: The hub writes licences in small letters; a card has SPDX's spelling.
_LICENCES = {
    "apache-2.0": "Apache-2.0",
    "bsd-3-clause": "BSD-3-Clause",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0",
    "mit": "MIT",
}


@dataclass(frozen=True)
class Repository:
    """A repository at one commit.

    Attributes
    ----------
    name : str
        ``owner/repo``.
    commit : str
    licence : str
        SPDX identifier.
    hashes : dict of str to str
        Of each file: ``sha256:…`` of large ones, git's ``blob:…`` of others.
    """

    name: str
    commit: str
    licence: str
    hashes: dict[str, str]

    @property
    def files(self) -> list[str]:
        """The files' names, sorted."""
        return sorted(self.hashes)

    def __str__(self) -> str:
        return f"{self.name} at commit {self.commit}"


def find_repository(address: Address) -> Repository:
    """Return what a repository holds now, at its main branch or the address's revision.

    Raises
    ------
    BackboneError
        If there is none, it is not open to this user, or the hub is out of reach.
    """
    with missing_export_extra():
        from huggingface_hub import HfApi
    with _explaining(f"the repository {address.name!r}", address):
        info = HfApi().model_info(address.name, revision=address.revision, files_metadata=True)
    hashes = {}
    for file in info.siblings or []:
        lfs = file.lfs and (file.lfs["sha256"] if isinstance(file.lfs, dict) else file.lfs.sha256)
        hashes[file.rfilename] = f"sha256:{lfs}" if lfs else f"blob:{file.blob_id}"
    return Repository(address.name, str(info.sha), _read_licence(info), hashes)


def to_spdx(licence: str | None) -> str:
    """Return a licence as the hub writes it in SPDX's spelling.

    Examples
    --------
    >>> to_spdx("apache-2.0"), to_spdx("other"), to_spdx(None)
    ('Apache-2.0', 'other', 'NOASSERTION')
    """
    return _LICENCES.get(licence or "", licence or NO_LICENCE)


def _read_licence(info: Any) -> str:
    card = getattr(info, "card_data", None)
    licence = card.get("license") if card is not None else None
    tagged = [tag.partition(":")[2] for tag in info.tags or [] if tag.startswith("license:")]
    return to_spdx(licence if isinstance(licence, str) else next(iter(tagged), None))


def fetch_file(repository: Repository, name: str) -> Path:
    """Return a file of a repository, fetched where the hub's own cache lacks it or has it damaged.

    Raises
    ------
    BackboneError
        If it cannot be fetched, or is not what the hub lists even when it is fetched anew.
    """
    from huggingface_hub import hf_hub_download

    address = Address("hf-hub", repository.name, revision=repository.commit)
    for anew in (False, True):
        with _explaining(f"{name!r} of {repository.name}", address):
            path = Path(
                hf_hub_download(repository.name, name, revision=repository.commit, force_download=anew)
            )
        if _is_sound(path, repository.hashes[name]):
            return path
    raise BackboneError(
        f"{name!r} of {repository} is damaged: what the hub sends is not what it lists"
        f" ({repository.hashes[name]}). Try again later."
    )


def _is_sound(path: Path, expected: str) -> bool:
    kind, _, digest = expected.partition(":")
    data = path.read_bytes()
    if kind == "sha256":
        return hashlib.sha256(data).hexdigest() == digest
    blob = hashlib.sha1(b"blob %d\0" % len(data), usedforsecurity=False)  # how git names a file
    blob.update(data)
    return blob.hexdigest() == digest


@contextlib.contextmanager
def _explaining(what: str, address: Address) -> Iterator[None]:
    """Say in a line what the hub's client raises, and what to do."""
    import huggingface_hub.errors as hub

    try:
        yield
    except hub.GatedRepoError as error:
        raise BackboneError(
            f"{what} is open to those alone who accepted its terms: do so on the hub, then set HF_TOKEN."
        ) from error
    except hub.RepositoryNotFoundError as error:
        raise BackboneError(
            f"there is no repository {address.name!r} on the hub, or it is private: HF_TOKEN opens your own."
        ) from error
    except hub.RevisionNotFoundError as error:
        raise BackboneError(f"{address.name} has no branch, tag or commit {address.revision!r}.") from error
    except hub.OfflineModeIsEnabled as error:
        raise BackboneError(f"{what} cannot be fetched: HF_HUB_OFFLINE forbids to ask the hub.") from error
    except Exception as error:  # of several libraries: no connection, a timeout, a status, a full disk
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise BackboneError(
            f"{what} cannot be fetched from the hub ({reason}). Check the network, or fetch the files"
            " elsewhere and export them from here."
        ) from error
