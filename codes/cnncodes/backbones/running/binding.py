"""Running a network on a device: buffers that stay, batches of one shape, halved where memory is short."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cnncodes.backbones.running.pinning import HostBuffer
from cnncodes.backbones.running.providers import NAMES, Provider
from cnncodes.backbones.running.runtime import import_runtime
from cnncodes.backbones.running.starting import check_images, in_one_line, make_options
from cnncodes.errors import BackboneError
from cnncodes.machine import find_shortage

#: What ONNX Runtime calls the memory of a provider; that of all others is the CPU's, as it takes them.
_MEMORIES = {NAMES["cuda"]: "cuda", NAMES["tensorrt"]: "cuda"}

#: Numbers of CUDA graphs, a new one for each set of buffers; ONNX Runtime keeps 0 for itself.
_GRAPHS = itertools.count(1)


class BoundRunner:
    """Runs a session in batches of one shape, on buffers that stay where they are.

    A new shape starts a new search for the best algorithms on a GPU, so the last batch is filled up. Where
    the device has too little memory for a batch, that is halved, for good. It serves one thread at a time.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        With ``image``, uint8 ``[batch, height, width, 3]``, in and ``code`` out.
    name : str
        What errors call it.
    shape : tuple of int
        Height, width and code size.
    batch_size : int
        Images in a batch at first.
    provider : Provider
        Whose memory the buffers lie in.
    """

    def __init__(
        self, session: Any, name: str, shape: tuple[int, int, int], batch_size: int, provider: Provider
    ) -> None:
        self.batch_size = batch_size
        self._session, self._name, self._shape, self._provider = session, name, shape, provider
        self._host: HostBuffer | None = None
        self._buffers: tuple[Any, Any, Any] | None = None
        self._graph = -1
        self._lock = threading.Lock()

    def run(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return the codes of images of the runner's size, in order.

        Raises
        ------
        BackboneError
            If the network fails, or one image needs more memory than there is.
        """
        return self.run_parts([images])

    def run_parts(self, parts: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """Return the same for several arrays of images, as if these were one."""
        for images in parts:
            self._check(images)
        count = sum(len(images) for images in parts)
        codes = np.empty((count, self._shape[2]), np.float32)
        done = 0
        with self._lock:
            while done < count:
                try:
                    found = self._run(parts, done)
                    codes[done : done + len(found)] = found
                    done += len(found)
                except Exception as error:  # of the runtime's own classes there is none for memory alone
                    self._shrink(error, (count, *parts[0].shape[1:]))
        return codes

    def _check(self, images: Any) -> None:
        check_images(images)
        height, width, _ = self._shape
        if images.shape[1:] != (height, width, 3):
            raise BackboneError(
                f"{self._name} fails on images of shape {images.shape}: it was set up for {height} x {width}."
            )

    def _run(self, parts: Sequence[npt.NDArray[np.uint8]], start: int) -> npt.NDArray[np.float32]:
        if self._host is None:
            self._host = HostBuffer((self.batch_size, *self._shape[:2], 3), self._provider)
        binding, given, codes = self._bind()
        count = self._host.fill(parts, start, self.batch_size)
        given.update_inplace(self._host.images[: self.batch_size])
        self._session.run_with_iobinding(binding, make_options(self._graph))
        found: npt.NDArray[np.float32] = codes.numpy()[:count]
        return found

    def _bind(self) -> tuple[Any, Any, Any]:
        """Return the binding with its input and output; made once, since CUDA graphs want fixed addresses."""
        if self._buffers is None:
            height, width, code_size = self._shape
            memory, device = _MEMORIES.get(self._provider.name, "cpu"), self._provider.device
            value = import_runtime().OrtValue.ortvalue_from_shape_and_type
            given = value([self.batch_size, height, width, 3], np.uint8, memory, device)
            codes = value([self.batch_size, code_size], np.float32, memory, device)
            binding = self._session.io_binding()
            binding.bind_ortvalue_input("image", given)
            binding.bind_ortvalue_output("code", codes)
            self._buffers, self._graph = (binding, given, codes), next(_GRAPHS)
        return self._buffers

    def _shrink(self, error: Exception, shape: tuple[int, ...]) -> None:
        said = in_one_line(error)
        if find_shortage(error) != "memory":
            raise BackboneError(f"{self._name} fails on images of shape {shape}: {said}") from error
        if self.batch_size == 1:
            raise BackboneError(
                f"{self._name} has not even the memory for one image of {shape[1]} x {shape[2]}: "
                f"{said or 'no memory'}"
            ) from error
        self._host = self._buffers = None  # before the next ones are made
        self.batch_size //= 2
