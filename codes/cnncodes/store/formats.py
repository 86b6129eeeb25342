"""Formats of other tools, for those that list them without loading what writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Format:
    """How a dataset is written for other tools.

    Attributes
    ----------
    write : callable
        Called as ``write(out, tables, number)`` with the tables of all shards, and how many they are; returns
        in how many files the codes lie.
    suffix : str, optional
        What the name of its file ends in; None is a folder.
    """

    write: Callable[[Path, Iterable[Any], int], int]
    suffix: str | None = None


def _write_npy(out: Path, tables: Iterable[Any], number: int) -> int:
    from cnncodes.store.npy_parts import write_npy

    write_npy(out, tables, number)
    return number


def _write_csv(out: Path, tables: Iterable[Any], number: int) -> int:
    from cnncodes.store.csv_rows import write_csv

    write_csv(out, tables)
    return 1


FORMATS = {"npy": Format(_write_npy), "csv": Format(_write_csv, ".csv")}
