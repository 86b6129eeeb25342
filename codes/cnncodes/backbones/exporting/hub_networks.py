"""Networks in repositories of a hub: timm's, fed as the repository's configuration says, and ONNX files."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from cnncodes.backbones.exporting.addresses import Address
from cnncodes.backbones.exporting.checkpoints import hash_checkpoint, read_checkpoint
from cnncodes.backbones.exporting.drafts import Facts
from cnncodes.backbones.exporting.hub import Repository, fetch_file, find_repository, to_spdx
from cnncodes.backbones.exporting.onnx_files import find_in_file
from cnncodes.backbones.exporting.originals import Original
from cnncodes.backbones.exporting.preprocessors import read_preprocessor
from cnncodes.backbones.exporting.timm_networks import list_timm, read_config
from cnncodes.disk import parse_json
from cnncodes.errors import BackboneError, sentence, suggest, suggest_nearest

#: What timm calls the files of weights, the one that it prefers first.
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_CONFIG, _PREPROCESSOR = "config.json", "preprocessor_config.json"

#: How exporters of transformers call the network in full precision, among others that were made from it.
_PREFERRED = ("onnx/model.onnx", "model.onnx")


def find_on_hub(address: Address) -> Original:
    """Return the network of a repository, pinned to the commit that is found; its files are fetched.

    Raises
    ------
    BackboneError
        If there is no such repository, it holds no network or several, or nothing says how images are fed.
    """
    repository = find_repository(address)
    pinned = replace(address, revision=repository.commit)
    config = _read_json(repository, _CONFIG) if _CONFIG in repository.hashes else {}
    if "card.toml" in repository.hashes and "architecture" not in config and address.file is None:
        raise BackboneError(
            f"{repository} is a ready backbone: it has a card.toml. 'cnncodes models pull {address}' fetches"
            " it."
        )
    file = _choose(address, repository, is_timm="architecture" in config)
    if file.endswith(".onnx"):
        return _find_onnx(pinned, repository, file)
    return _find_timm(pinned, repository, file, config)


def _choose(address: Address, repository: Repository, *, is_timm: bool) -> str:
    """Return the file with the network: the one that is asked for, else the only one that can be meant."""
    weights = [name for name in _WEIGHTS if is_timm and name in repository.hashes][:1]
    graphs = [name for name in repository.files if name.endswith(".onnx")]
    known = weights + graphs
    if not known:
        raise BackboneError(
            f"{repository} holds no network that can be exported: expected timm's {_CONFIG} with"
            f" {' or '.join(_WEIGHTS)}, or an ONNX file. It has {', '.join(repository.files) or 'nothing'}."
        )
    if address.file is not None:
        if address.file not in known:
            raise BackboneError(
                f"{repository} has no network {address.file!r}. {suggest(address.file, known)}"
            )
        return address.file
    preferred = [name for name in _PREFERRED if name in graphs]
    meant = weights + (preferred or graphs)
    if len(meant) > 1:
        offered = " or ".join(repr(str(replace(address, file=name))) for name in meant)
        raise BackboneError(f"{str(address)!r} could mean several files: say {offered}.")
    return meant[0]


def _read_json(repository: Repository, name: str) -> dict[str, Any]:
    try:
        values = parse_json(fetch_file(repository, name).read_text(encoding="utf-8"))
    except ValueError as error:
        raise BackboneError(f"{name} of {repository} is no JSON: {sentence(error)}") from error
    if not isinstance(values, dict):
        raise BackboneError(f"{name} of {repository} must hold a table. Got {type(values).__name__}.")
    return values


def _find_timm(address: Address, repository: Repository, file: str, config: dict[str, Any]) -> Original:
    # Old repositories keep all in one table.
    fed = {key: value for key, value in config.items() if key != "pretrained_cfg"}
    fed |= config.get("pretrained_cfg") or {}
    architecture, names = str(config["architecture"]), list_timm()
    if architecture not in names:
        raise BackboneError(
            f"{repository} is of the architecture {architecture!r}, which timm has not."
            f" {suggest_nearest(architecture, names)}"
        )
    if fed.get("hf_hub_filename"):
        raise BackboneError(
            f"{repository} has its weights in {fed['hf_hub_filename']!r}: expected {' or '.join(_WEIGHTS)}."
        )
    try:
        mean, std, frame = read_config(repository.name, fed)
    except (TypeError, ValueError) as error:
        raise BackboneError(f"{_CONFIG} of {repository} cannot be right: {error}") from error
    path = fetch_file(repository, file)
    licence = to_spdx(fed.get("license")) if fed.get("license") else repository.licence
    return Original(
        name=replace(address, file=None).slug,
        description=f"{architecture} of timm from {repository.name}, fed as its {_CONFIG} says",
        licence=licence,
        packages=("timm",),
        make=partial(_make, repository, path),
        mean=mean,
        std=std,
        frame=frame,
        weights=f"{file} of {repository}, sha256 {hash_checkpoint(path)}",
        headless=fed.get("num_classes") == 0,
        address=str(address),
    )


def _make(repository: Repository, path: Path) -> Any:
    import timm

    read_checkpoint(path)  # for its faults, which are then said before the work
    try:
        # From the same commit, whose files lie in the hub's cache by now.
        net = timm.create_model(f"hf-hub:{repository.name}@{repository.commit}", pretrained=True)
    except Exception as error:  # what timm says of its configuration, and torch of weights that do not fit
        reason = " ".join(str(error).split())[:200]
        raise BackboneError(f"timm cannot build the network of {repository}: {reason}") from error
    return net.eval()


def _find_onnx(address: Address, repository: Repository, file: str) -> Original:
    facts = _read_facts(repository, file)
    # Large networks keep their weights in files beside the graph.
    beside = [name for name in repository.files if name.startswith((f"{file}_data", f"{file}.data"))]
    with tempfile.TemporaryDirectory() as folder:
        for name in (file, *beside):  # the hub's cache holds links to files elsewhere, which are refused
            shutil.copyfile(fetch_file(repository, name), Path(folder) / Path(name).name)
        original = find_in_file(Path(folder) / Path(file).name, facts)
    weights = f"{file} of {repository}: {original.weights}"
    return replace(original, name=address.slug, address=str(address), weights=weights)


def _read_facts(repository: Repository, file: str) -> Facts:
    beside = (Path(file).parent / _PREPROCESSOR).as_posix()
    names = [name for name in (beside, _PREPROCESSOR) if name in repository.hashes]
    advice = "Fetch the file and export it from here, with a file beside it that says so"
    if not names:
        raise BackboneError(
            f"{repository} has no {_PREPROCESSOR}: nothing says how images are fed, and it is not guessed."
            f" {advice}."
        )
    description = f"{file} of {repository.name}, fed as its {_PREPROCESSOR} says"
    try:
        return read_preprocessor(_read_json(repository, names[0]), description, repository.licence)
    except BackboneError as error:
        raise BackboneError(f"{names[0]} of {repository}: {error} {advice}.") from error
