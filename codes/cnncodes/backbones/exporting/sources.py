"""Where published networks are looked for: an address says where, and each source has a module of its own."""

from __future__ import annotations

import contextlib

from cnncodes.backbones.exporting.addresses import Address, explain_path, explain_unknown, parse_address
from cnncodes.backbones.exporting.drafts import Facts
from cnncodes.backbones.exporting.hub_networks import find_on_hub
from cnncodes.backbones.exporting.onnx_files import find_in_file
from cnncodes.backbones.exporting.originals import Original
from cnncodes.backbones.exporting.python_networks import find_in_python
from cnncodes.backbones.exporting.timm_networks import find_in_timm, list_timm
from cnncodes.backbones.exporting.torchvision_networks import find_in_torchvision, list_torchvision
from cnncodes.backbones.exporting.zoo_networks import ORIGINALS
from cnncodes.errors import BackboneError


def find_original(
    address: str | Address, random_state: int | None = None, facts: Facts | None = None
) -> Original:
    """Return the published network at an address.

    Weights are fetched when its `make` is called; of a repository on a hub, all is fetched now.

    Parameters
    ----------
    address : str or Address
    random_state : int, optional
        Draw the weights from this in place of those that were trained.
    facts : Facts, optional
        How images are fed to a network whose source does not say so; else its user says it in a file, see
        `cnncodes.backbones.exporting.drafts`.

    Raises
    ------
    BackboneError
        If there is none, or the address could mean two.
    BackendMissing
        If the package that has it is not installed.
    """
    if isinstance(address, str):
        address = parse_address(address)
    if random_state is not None and (address.checkpoint or address.source in ("zoo", "hf-hub", "file")):
        raise BackboneError(f"{str(address)!r} has weights of its own: random ones cannot be asked for.")
    match address.source:
        case "torchvision":
            return find_in_torchvision(address, random_state)
        case "timm":
            return find_in_timm(address, random_state)
        case "python":
            return find_in_python(address, random_state, facts)
        case "hf-hub":
            return find_on_hub(address)
        case "file":
            return find_in_file(address.name, facts)
    if address.name not in ORIGINALS:
        raise BackboneError(
            explain_path(address.name) or explain_unknown(address.name, ORIGINALS, _list_sources())
        )
    return ORIGINALS[address.name]


def _list_sources() -> dict[str, list[str]]:
    """Return the names of all architectures by source, as far as these are installed."""
    sources: dict[str, list[str]] = {}
    for source, list_names in (("torchvision", list_torchvision), ("timm", list_timm)):
        with contextlib.suppress(ImportError):
            sources[source] = list_names()
    return sources
