"""Arrays of other libraries than NumPy, given as images: what they are, and how they become images."""

from __future__ import annotations

from typing import Any

from cnncodes.images.levels import EXPECTED, advise_levels

#: Numbers of channels that an image may have.
_CHANNELS = (1, 3, 4)


def is_foreign(item: Any) -> bool:
    """Tell whether something is an array of another library, such as a tensor, and no single number."""
    import numpy as np

    is_array = hasattr(item, "__array__") and not isinstance(item, np.ndarray)
    return is_array and bool(getattr(item, "shape", ()))


def describe_foreign(item: Any) -> str:
    """Return type, dtype and shape of such an array, in one line."""
    dtype = getattr(item, "dtype", None)
    of = "" if dtype is None else f" of {getattr(dtype, 'name', dtype)}"
    return f"{type(item).__name__}{of} of shape {tuple(item.shape)}"


def advise_conversion(item: Any, name: str) -> str:
    """Return the expression that makes of such an array one that is read, and what that has to hold.

    Parameters
    ----------
    item : array
        One image, (H, W, C) or (C, H, W), or several.
    name : str
        What it is called in the expression.
    """
    import numpy as np

    shape = tuple(item.shape)
    axes = ""
    if len(shape) in (3, 4) and shape[-3] in _CHANNELS and shape[-1] not in _CHANNELS:
        axes = "1, 2, 0" if len(shape) == 3 else "0, 2, 3, 1"
    if hasattr(item, "permute"):
        steps = _list_steps(item)
        moved = f".permute({axes})" if axes else ""
        converted = f"{name}{''.join(f'.{step}()' for step in steps)}{moved}.numpy()"
    else:
        steps = []
        converted = f"np.asarray({name}){f'.transpose({axes})' if axes else ''}"
    if str(getattr(item, "dtype", "")).endswith("uint8"):
        return converted
    try:
        for step in steps:
            item = getattr(item, step)()
        advice = advise_levels(np.asarray(item), converted)
    except Exception:  # whatever other libraries raise where numbers cannot be had
        advice = None
    return advice or f"{converted}, as {EXPECTED}"


def _list_steps(tensor: Any) -> list[str]:
    """Return the methods to call before a tensor of torch can become an array."""
    steps = ["detach"] if getattr(tensor, "requires_grad", False) else []
    if getattr(getattr(tensor, "device", None), "type", "cpu") != "cpu":
        steps.append("cpu")
    if str(tensor.dtype).endswith("bfloat16"):  # which NumPy has not
        steps.append("float")
    return steps
