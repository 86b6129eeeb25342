"""Whether a session computes in bf16: OpenVINO takes that as a hint, and goes on in fp32 where it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.running.instructions import list_instructions
from cnncodes.backbones.running.starting import CPU, run_session, start_session
from cnncodes.backbones.running.timing import draw_noise
from cnncodes.errors import BackboneError

if TYPE_CHECKING:
    from cnncodes.backbones.frame import Frame

#: Instructions of x86 for it; OpenVINO does without them where there is AVX-512.
_INSTRUCTIONS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})

#: fp32 of one make of the runtime is nearer to another's than this; 8 bits of mantissa are not.
_NEAR = 1e-4


def check_bf16(session: Any, model: bytes, name: str, frame: Frame) -> None:
    """Raise `BackboneError` unless a session computes codes that are not those of fp32.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Of a file of fp32, which was told to compute in bf16.
    model : bytes
        That file.
    name : str
        What errors call it.
    frame : Frame
    """
    feeds = {"image": draw_noise(frame, 2)}
    exact = start_session(model, name, CPU, 1)
    [ours], [theirs] = (run_session(one, ["code"], feeds, name) for one in (session, exact))
    if is_rounded(ours, theirs):
        return
    found = list_instructions()
    lacks = found is not None and _INSTRUCTIONS.isdisjoint(found)
    why = f", which has none of {', '.join(sorted(_INSTRUCTIONS))}" if lacks else ""
    raise BackboneError(
        f"bf16 does not run here: on this processor{why}, OpenVINO computes {name} in fp32 although it was"
        " told otherwise. Take --precision fp32, which these codes are."
    )


def is_rounded(codes: npt.NDArray[np.float32], exact: npt.NDArray[np.float32]) -> bool:
    """Tell whether codes are less precise than those of fp32.

    Examples
    --------
    >>> exact = np.float32([[1, 2]])
    >>> is_rounded(exact * np.float32(1.000001), exact), is_rounded(exact + np.float32(0.002), exact)
    (False, True)
    """
    return bool(np.linalg.norm(codes - exact) > _NEAR * np.linalg.norm(exact))
