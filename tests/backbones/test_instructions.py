"""8-bit dot products: read off the system's file, and what is run otherwise where they lack."""

from __future__ import annotations

from pathlib import Path

import pytest
from int8_networks import write_both, write_cpuinfo

from cnncodes import load_backbone
from cnncodes.backbones.running import instructions
from cnncodes.backbones.running.instructions import has_dot_products
from cnncodes.errors import BackboneError


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_vnni", True),
        ("flags\t\t: fpu avx2 avx_vnni", True),
        ("flags\t\t: fpu amx_int8", True),
        ("flags\t\t: fpu avx2 fma avx512f avx512_vnniX", False),
        ("Features\t: fp asimd asimddp", True),
        ("Features\t: fp asimd", False),
        ("bogomips\t: 3", None),
    ],
)
def test_the_systems_file_says_what_there_is(tmp_path: Path, line: str, expected: bool | None) -> None:
    assert has_dot_products(write_cpuinfo(tmp_path / "cpuinfo", line)) is expected


def test_without_that_file_nothing_is_known(tmp_path: Path) -> None:
    assert has_dot_products(tmp_path / "none") is None


@pytest.mark.usefixtures("old_processor")
def test_int8_by_openvino_is_refused_where_its_sums_overflow(tmp_path: Path) -> None:
    folder = write_both(tmp_path / "net", fast=0, slow=1)
    with pytest.raises(BackboneError, match=r"int8 by OpenVINO gives other codes of 'conv' .*--provider cpu"):
        load_backbone(folder, precision="int8", providers=("openvino",))


@pytest.mark.parametrize(
    ("flags", "exact"), [("fpu avx2", True), ("fpu avx512_vnni", False), ("amx_int8", False)]
)
def test_the_exact_way_is_asked_for_where_sums_would_overflow_and_not_where_it_would_cost(
    flags: str, exact: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instructions, "CPUINFO", write_cpuinfo(tmp_path / "cpuinfo", f"flags\t\t: {flags}"))
    options = load_backbone()._session.get_session_options()
    if exact:
        assert options.get_session_config_entry("session.x64quantprecision") == "1"
    else:
        with pytest.raises(RuntimeError):  # there is no such entry
            options.get_session_config_entry("session.x64quantprecision")
