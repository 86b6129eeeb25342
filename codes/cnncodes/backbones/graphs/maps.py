"""Maps of codes: a backbone run on images of any size, giving a code for each place."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.graphs.canonical import serialize
from cnncodes.backbones.graphs.dense import make_dense_model
from cnncodes.backbones.graphs.tail import WINDOWS
from cnncodes.backbones.graphs.wiring import load_graph
from cnncodes.backbones.running.starting import check_images, in_one_line, run_session, start_session
from cnncodes.backbones.running.timing import draw_noise
from cnncodes.backbones.session import Backbone
from cnncodes.errors import BackboneError, UsageError

#: Greatest difference between code and map at the size of the frame, as a share of the largest number. By
#: ONNX Runtime before 1.28, whose layer norms round more, it is 2e-5 for a network of the tests.
MAX_DIFFERENCE = 1e-4


class DenseBackbone:
    """A backbone whose code became a map. Made by `Backbone.dense`.

    Parameters
    ----------
    backbone : Backbone
    window : bool
        See `Backbone.dense`.

    Raises
    ------
    BackboneError
        If the network has no dense form, or that does not give the backbone's codes.
    BackendMissing
        If ONNX is not installed.
    """

    def __init__(self, backbone: Backbone, *, window: bool = False) -> None:
        layers = backbone.card.layers
        if layers is not None and len(layers) > 1:
            raise BackboneError(
                f"the code of {backbone.card.name!r} is made of several layers ({', '.join(layers)}), and a"
                " map can be made of one: name one with --layer (layer)."
            )
        self.backbone = backbone
        self.window = window
        self._model = _make_checked(backbone, window)
        self._session = start_session(
            self._model, f"the dense form of {backbone.card.name!r}", backbone.providers, backbone.threads
        )

    @property
    def least_size(self) -> tuple[int, int]:
        """The least height and width of an image, in pixels."""
        card, frame = self.backbone.card, self.backbone.frame
        if self.window or card.sizes == "fixed":
            return frame.height, frame.width
        return card.least_side(), card.least_side()

    def _explain_least(self) -> str:
        """Return why images may not be smaller, where that is not the network's own least size."""
        if self.backbone.card.sizes == "fixed":
            return ", as the network itself takes them"
        return ", since a window is as large as the frame (window=False takes less)" if self.window else ""

    def model_bytes(self) -> bytes:
        """Return the ONNX file: ``image`` in as for the backbone, ``map`` out."""
        return self._model

    def run(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return the maps of images that are all of one size.

        Parameters
        ----------
        images : ndarray of uint8, shape (n_images, height, width, 3)
            RGB, of at least `least_size`.

        Returns
        -------
        ndarray of float32, shape (n_images, code_size, rows, columns)

        Raises
        ------
        UsageError
            If the array is of another type or shape, or too small.
        BackboneError
            If the network fails.
        """
        check_images(images)
        height, width = self.least_size
        if images.ndim != 4 or images.shape[3] != 3:
            raise UsageError(
                f"images must have the shape (n_images, height, width, 3). Got {images.shape} instead."
            )
        if images.shape[1] < height or images.shape[2] < width:
            raise UsageError(
                f"images must be at least {height} pixels high and {width} wide{self._explain_least()}. Got"
                f" {images.shape[1]} x {images.shape[2]}: enlarge them first."
            )
        maps: npt.NDArray[np.float32] = run_model(self._session, images)
        return maps


def run_model(session: Any, images: npt.NDArray[np.uint8]) -> Any:
    """Return the maps that a session of a dense graph gives."""
    return run_session(session, None, {"image": images}, "the dense network")[0]


def _make_checked(backbone: Backbone, window: bool) -> bytes:
    """Return the dense graph; its windowed form has to give the codes at the size of the frame."""
    frame = backbone.frame
    if backbone.precision != "fp32":
        raise BackboneError(
            f"maps are made from networks of fp32, and this file of {backbone.card.name!r} is of"
            f" {backbone.precision}."
        )
    model = load_graph(backbone.model_bytes(), "a dense network")
    windowed = make_dense_model(model, height=frame.height, width=frame.width, window=True)
    try:
        windows = serialize(windowed)
    except Exception as error:  # ONNX's checker has several classes, as has its inference of shapes
        raise BackboneError(
            f"{backbone.card.name!r} has no dense form: its layers do not fit one another when they are made"
            f" convolutions. {in_one_line(error)[:200]}"
        ) from error
    images = draw_noise(backbone.frame, 2)
    codes = backbone.run(images)
    maps = run_model(
        start_session(windows, f"the dense form of {backbone.card.name!r}", backbone.providers, 1), images
    )
    shape = (*codes.shape, 1, 1)
    difference = (
        np.abs(maps[:, :, 0, 0] - codes).max() / np.abs(codes).max() if maps.shape == shape else np.inf
    )
    if not difference <= MAX_DIFFERENCE:
        raise BackboneError(
            f"the dense form of {backbone.card.name!r} does not give its codes: they differ by"
            f" {difference:.1g} of the largest number, and {MAX_DIFFERENCE:g} is allowed."
        )
    if window or not _averages(windowed):
        return windows
    return serialize(make_dense_model(model, height=frame.height, width=frame.width))


def _averages(model: Any) -> bool:
    """Tell whether windows are averaged at all: else the graph is the same without that."""
    return any(name.endswith(WINDOWS) for node in model.graph.node for name in node.output)
