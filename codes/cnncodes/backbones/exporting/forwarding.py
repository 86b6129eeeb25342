"""Running somebody's torch network on images: where it fails, why and what was expected, in one line."""

from __future__ import annotations

import contextlib
import inspect
import re
import sys
from typing import Any

from cnncodes.errors import BackboneError, sentence


def run_network(net: Any, pixels: Any) -> Any:
    """Return what a network gives for a batch of images; what it prints goes to stderr.

    Parameters
    ----------
    net : torch.nn.Module
    pixels : torch.Tensor, shape (n_images, 3, height, width)

    Raises
    ------
    BackboneError
        If it takes something else, or fails.
    """
    _check_inputs(net)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return net(pixels)
    except (Exception, SystemExit) as error:  # whatever its code says
        raise BackboneError(_explain(error, pixels)) from error


def _check_inputs(net: Any) -> None:
    """Raise unless a network's forward can be called with one batch alone."""
    try:
        given = inspect.signature(net.forward)
    except (TypeError, ValueError):  # of what is compiled nothing is known
        return
    try:
        given.bind(None)
    except TypeError:
        needed = [
            name
            for name, one in given.parameters.items()
            if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        ]
        raise BackboneError(
            f"forward() of {type(net).__name__} takes {', '.join(needed) or 'no input'}: expected one input,"
            " a batch of images. Put the network into a module whose forward() takes the images alone."
        ) from None


def _explain(error: BaseException, pixels: Any) -> str:
    said = " ".join(str(error).split())[:200].rstrip(".")
    reason = f"{type(error).__name__}: {said}" if said else type(error).__name__
    shape = " x ".join(str(length) for length in pixels.shape)
    channels = re.search(r"expected input.* to have (\d+) channels, but got 3 channels", said)
    if channels and channels[1] != "3":
        advice = (
            f"It takes images of {channels[1]} channel{'s' if channels[1] != '1' else ''}, and of 3 (RGB) are"
            " expected: put it into a module that makes those of RGB first"
        )
    else:
        advice = (
            "Expected is a network that takes any number of float32 images [batch, 3, height, width] of that"
            " size: correct the network, or height and width where it is said how images are fed"
        )
    return f"the network fails on images of {shape}: {sentence(reason)} {advice}."
