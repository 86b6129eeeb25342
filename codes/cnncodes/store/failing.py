"""The failures of a dataset: kept in memory, and written whole now and then."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from cnncodes.errors import ResultWarning, count, warn
from cnncodes.store.entries import FAILURES_NAME, FailureList
from cnncodes.store.files import Check, atomic_write
from cnncodes.store.manifest import Manifest
from cnncodes.store.reading import read_failures
from cnncodes.store.records import Failure
from cnncodes.store.schema import failures_table, to_parquet
from cnncodes.store.unread import hash_file

#: What to do about images that a job was refused for.
MEND_IMAGES = (
    "Restore these images and run the same `cnncodes embed` again; or, if their codes are to go, add"
    " --remove-missing (remove_missing=True)."
)


class FailureLog:
    """The images of a dataset that failed and have not succeeded since, some with codes from before.

    Parameters
    ----------
    folder : Path
        Of the dataset.
    stored : container of str
        Keys of the images whose codes are stored.
    manifest : Manifest

    Attributes
    ----------
    lost : int
        Of so many images nobody knows which they are: the manifest says that their codes are kept, and the
        file does not mark them.
    listed : FailureList or None
        The file as it is on disk; None where there is none.
    """

    def __init__(self, folder: Path, stored: Container[str], manifest: Manifest) -> None:
        self._path = folder / FAILURES_NAME
        failures = list_failures(folder)
        self.lost = count_lost(failures, manifest)
        self._failures: dict[str, Failure] = {}
        for failure in failures:
            if failure.key not in stored:  # its shard may have been deleted since
                self._failures[failure.key] = replace(failure, codes_kept=False)
            elif failure.codes_kept:  # else a kill between failures and manifest left it
                self._failures[failure.key] = failure
        self._written = len(failures)
        self._unwritten = sum(self._failures.get(failure.key) != failure for failure in failures)
        sha256 = _hash_list(folder)
        self.listed = None if sha256 is None else FailureList(len(failures), sha256)

    @property
    def by_key(self) -> Mapping[str, Failure]:
        """The failures."""
        return self._failures

    def record(self, failure: Failure) -> None:
        """Note that an image failed."""
        self._unwritten += self._failures.get(failure.key) != failure
        self._failures[failure.key] = failure

    def forget(self, key: str) -> None:
        """Note that an image is a failure no longer."""
        self._unwritten += self._failures.pop(key, None) is not None

    @property
    def codes_kept(self) -> int:
        """Of how many images codes are kept: those that are marked, and those whose marks are lost."""
        return self.lost + _count_kept(self._failures.values())

    @property
    def changed(self) -> bool:
        """Whether the file lacks something, or is missing."""
        return self._unwritten > 0 or self.listed is None

    @property
    def due(self) -> bool:
        """Whether so many failures are new that the file, which is written whole, is written now.

        With each shard it would take a time that grows with the square of their number. A job that is killed
        tries those again that the file lacks.
        """
        return self._unwritten * 4 > self._written

    def write(self, check: Check) -> None:
        """Write the file; `check` as in `atomic_write`."""
        data = memoryview(to_parquet(failures_table(self._failures.values())))
        temporary = self._path.parent / f".{FAILURES_NAME}.tmp"
        atomic_write(self._path, data, temporary=temporary, check=check)
        self._written, self._unwritten = len(self._failures), 0
        self.listed = FailureList(self._written, hashlib.sha256(data).hexdigest())


def count_lost(failures: Iterable[Failure], manifest: Manifest) -> int:
    """Return how many images failures do not mark of those whose codes are kept, as the manifest says."""
    return max(0, manifest.codes_kept - _count_kept(failures))


def _count_kept(failures: Iterable[Failure]) -> int:
    return sum(failure.codes_kept for failure in failures)


def describe_lost(folder: Path, lost: int) -> str:
    """Say that marks are lost, what that costs, and what to do."""
    path = folder / FAILURES_NAME
    how = f"{path} lacks the marks" if path.exists() else f"{path} is missing, and with it the marks"
    return (
        f"{how} of {count(lost, 'image')} whose codes were kept, since a job was"
        " refused that would have given them up. No codes are lost: `cnncodes embed` looks at every stored"
        " image again, and without --remove-missing (remove_missing=True) none goes that is not there or"
        " cannot be decoded."
    )


def explain_wrong_list(folder: Path, manifest: Manifest) -> str | None:
    """Return what is wrong with the file of failures where it is not the one that the manifest names."""
    said, path, found = manifest.failures, folder / FAILURES_NAME, _hash_list(folder)
    if said is None or found == said.sha256:
        return None
    if Manifest.read(folder) != manifest:  # a job that changes the list changes the manifest first
        return None
    how = "is missing" if found is None else f"is another one, or damaged: its sha256 is {found}"
    names = f" {said.sha256}" if found is not None else ""
    return (
        f"{path} {how}, and the manifest names one{names} that lists {count(said.rows, 'image')}: which"
        " failed is not known. Restore it from a copy, or run the same `cnncodes embed` again: no codes are"
        " lost, and it writes the list anew."
    )


def warn_of_wrong_list(folder: Path, manifest: Manifest, out: Path) -> None:
    """Warn where what is made of a dataset, `out`, cannot tell which of its images failed."""
    if wrong := explain_wrong_list(folder, manifest):
        warn(f"{wrong} {out} lists only what is still listed.", ResultWarning)


def _hash_list(folder: Path) -> str | None:
    """Return the hash of the file of failures, None where there is none."""
    path = folder / FAILURES_NAME
    return hash_file(path) if path.exists() else None


def list_failures(folder: Path) -> list[Failure]:
    """Return the failures of a dataset."""
    columns = read_failures(folder).to_pydict().values()
    failures = [Failure(*values) for values in zip(*columns, strict=True)]
    return [replace(failure, codes_kept=bool(failure.codes_kept)) for failure in failures]
