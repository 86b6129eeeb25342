"""What the processor has, in the system's words: above all, whether it multiplies 8-bit numbers in one go."""

from __future__ import annotations

import contextlib
import platform
from pathlib import Path

#: Where Linux says what the processor has; elsewhere nothing is known, and nothing is warned of.
CPUINFO = Path("/proc/cpuinfo")

#: Dot products of 8-bit numbers: x86, then ARM.
DOT_PRODUCTS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})


def has_dot_products(cpuinfo: Path | None = None) -> bool | None:
    """Tell whether the processor has 8-bit dot products; None where the system does not say.

    Parameters
    ----------
    cpuinfo : Path, optional
        The file that says so; by default the system's.
    """
    found = list_instructions(cpuinfo)
    return None if found is None else not DOT_PRODUCTS.isdisjoint(found)


def list_instructions(cpuinfo: Path | None = None) -> list[str] | None:
    """Return what the processor has, in the system's words; None where that does not say."""
    found = _read_line(cpuinfo or CPUINFO, ("flags", "Features"))
    return None if found is None else found.split()


def name_processor(cpuinfo: Path | None = None) -> str:
    """Return the processor's model, as far as the system knows it."""
    return _read_line(cpuinfo or CPUINFO, ("model name",)) or platform.processor() or platform.machine()


def _read_line(cpuinfo: Path, names: tuple[str, ...]) -> str | None:
    with contextlib.suppress(OSError), cpuinfo.open(errors="replace") as file:
        for line in file:  # the first of as many processors as there are
            name, _, value = line.partition(":")
            if name.strip() in names:
                return value.strip()
    return None
