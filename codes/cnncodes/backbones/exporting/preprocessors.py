"""Reading ``preprocessor_config.json`` of transformers, which says how images are fed to a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnncodes.backbones.exporting.drafts import Facts
from cnncodes.errors import BackboneError

#: Pillow's numbers of filters; those that a frame knows.
_FILTERS = {1: "lanczos", 2: "bilinear", 3: "bicubic"}

#: What would change the input in a way that no frame has, where it is true.
_STRANGE = ("do_pad", "do_flip_channel_order", "rescale_offset", "do_thumbnail", "do_align_long_axis")


def read_preprocessor(config: Mapping[str, Any], description: str, licence: str) -> Facts:
    """Return what a configuration says of how images are fed.

    Parameters
    ----------
    config : mapping
        Out of ``preprocessor_config.json``.
    description, licence : str
        Of the network; the configuration has neither.

    Raises
    ------
    BackboneError
        If it leaves something open, or asks for what a frame cannot have; the text names the key.

    Examples
    --------
    >>> facts = read_preprocessor(
    ...     {"do_resize": True, "size": {"shortest_edge": 256}, "resample": 2, "do_center_crop": True,
    ...      "crop_size": {"height": 224, "width": 224}, "do_rescale": True, "rescale_factor": 1 / 255,
    ...      "do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}, "a net", "MIT")
    >>> facts.frame.resize, facts.frame.interpolation, facts.value_range
    (256, 'bilinear', (0.0, 1.0))
    """
    for key in _STRANGE:
        if config.get(key):
            raise BackboneError(f"{key} is {config[key]!r}, which no frame has.")
    if not _need(config, "do_resize"):
        raise BackboneError("do_resize is false: pictures of any size enter the network, which no frame has.")
    height, width, resize = _read_sizes(config)
    resample = _need(config, "resample")
    if resample not in _FILTERS:
        raise BackboneError(
            f"resample is {resample!r}: expected one of {sorted(_FILTERS)}, Pillow's filters."
        )
    factor = _read_number(config, "rescale_factor") if _need(config, "do_rescale") else 1.0
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if _need(config, "do_normalize"):
        mean, std = (_read_triple(config, key) for key in ("image_mean", "image_std"))
    # 255 times the factor's 0.00392156862745098 is not 1 exactly.
    greatest = float(f"{255 * factor:.6g}")
    return Facts(description, licence, height, width, resize, _FILTERS[resample], (0.0, greatest), mean, std)


def _need(config: Mapping[str, Any], key: str) -> Any:
    if config.get(key) is None:
        raise BackboneError(f"{key} is missing.")
    return config[key]


def _read_sizes(config: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return the patch's height and width, and the length of the shorter side before it is cut."""
    size = _need(config, "size")
    edge = size.get("shortest_edge") if isinstance(size, Mapping) else None
    if edge is not None and (type(edge) is not int or edge < 1):
        raise BackboneError(f"shortest_edge of size must be a whole number. Got {edge!r} instead.")
    if edge is None:
        raise BackboneError(_explain_squeeze(config))
    if config.get("do_center_crop"):
        height, width = _read_sides(config, "crop_size")
        return height, width, edge
    if config.get("crop_pct"):  # ConvNeXt's: cut below 384 pixels, squeezed from there on
        if edge >= 384:
            raise BackboneError(_say_squeezed(edge, edge))
        return edge, edge, int(edge / _read_number(config, "crop_pct"))
    raise BackboneError(f"size is {size!r} and do_center_crop is false, so that sizes stay different.")


def _explain_squeeze(config: Mapping[str, Any]) -> str:
    """Return why a size without a shortest edge is refused."""
    height, width = _read_sides(config, "size")
    if not isinstance(config["size"], Mapping):
        return (
            f"size is {height}, which leaves open whether that is the shorter side or both sides of a square;"
            " which of them it is depends on the class that reads it."
        )
    return _say_squeezed(height, width)


def _say_squeezed(height: int, width: int) -> str:
    return (
        f"size squeezes pictures to {height} x {width} whatever their shape, which no frame does: a frame"
        " resizes the shorter side and cuts a patch from the centre. If that is to do here, say so yourself."
    )


def _read_sides(config: Mapping[str, Any], key: str) -> tuple[int, int]:
    value = _need(config, key)
    table = value if isinstance(value, Mapping) else {"height": value, "width": value}
    height, width = table.get("height"), table.get("width")
    if not (type(height) is int and type(width) is int and min(height, width) > 0):
        raise BackboneError(f"{key} must have a height and a width. Got {value!r} instead.")
    return height, width


def _read_number(config: Mapping[str, Any], key: str) -> float:
    value = _need(config, key)
    if type(value) not in (int, float) or not value > 0:
        raise BackboneError(f"{key} must be a positive number. Got {value!r} instead.")
    return float(value)


def _read_triple(config: Mapping[str, Any], key: str) -> tuple[float, float, float]:
    value = _need(config, key)
    if not isinstance(value, list) or len(value) != 3 or not all(type(x) in (int, float) for x in value):
        raise BackboneError(f"{key} must be a list of 3 numbers. Got {value!r} instead.")
    return float(value[0]), float(value[1]), float(value[2])
