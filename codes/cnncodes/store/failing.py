"""The failures of a dataset: kept in memory, and written whole now and then."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path

from cnncodes.store.files import atomic_write
from cnncodes.store.manifest import FAILURES_NAME
from cnncodes.store.reading import read_failures
from cnncodes.store.records import Failure
from cnncodes.store.schema import failures_table, to_parquet


class FailureLog:
    """The images of a dataset that failed and have not succeeded since.

    Parameters
    ----------
    folder : Path
        Of the dataset.
    stored : container of str
        Keys of the images whose codes are stored.
    """

    def __init__(self, folder: Path, stored: Container[str]) -> None:
        self._path = folder / FAILURES_NAME
        failures = list_failures(folder)
        # A kill between failures and manifest can leave a failure of an image that is stored.
        self._failures = {failure.key: failure for failure in failures if failure.key not in stored}
        self._written = len(failures)
        self._unwritten = len(failures) - len(self._failures)
        self._is_there = self._path.exists()

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
    def changed(self) -> bool:
        """Whether the file lacks something, or is missing."""
        return self._unwritten > 0 or not self._is_there

    @property
    def due(self) -> bool:
        """Whether so many failures are new that the file, which is written whole, is written now.

        With each shard it would take a time that grows with the square of their number. A job that is killed
        tries those again that the file lacks.
        """
        return self._unwritten * 4 > self._written

    def write(self) -> None:
        """Write the file."""
        data = memoryview(to_parquet(failures_table(self._failures.values())))
        atomic_write(self._path, data, temporary=self._path.parent / f".{FAILURES_NAME}.tmp")
        self._written, self._unwritten, self._is_there = len(self._failures), 0, True


def list_failures(folder: Path) -> list[Failure]:
    """Return the failures of a dataset."""
    columns = read_failures(folder).to_pydict().values()
    return [Failure(*values) for values in zip(*columns, strict=True)]
