"""Full batches out of many lanes: what each has cut is gathered for a network on a device of its own.

On the CPU each lane runs the network itself. A GPU wants batches larger than one lane has at hand, without
waiting for the next picture to be decoded: lanes hand their patches over, and threads of the device's own
run them, one while the other copies.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
import numpy.typing as npt

from cnncodes.embedding.lanes import LIMIT
from cnncodes.errors import UsageError

if TYPE_CHECKING:
    from cnncodes.backbones import Backbone
    from cnncodes.backbones.running.binding import BoundRunner

Pixels = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.float32]

#: Runs under way on each device: while one computes, the next is copied.
STREAMS = 2
#: Requests that may wait for each stream, which bounds the memory; lanes that come later wait themselves.
_WAITING = 4


class Runner(Protocol):
    """What makes codes of patches: a backbone, or a batcher in front of some."""

    def run(self, images: Pixels, /) -> Codes:
        """Return the codes of images that are all of one size."""


class Batcher:
    """Runs networks on devices for many lanes; a context manager.

    Parameters
    ----------
    backbones : sequence of Backbone
        Sessions of one network, one for each device.
    batch_size : int
        Images in one call of the network; halved where a device has too little memory.
    streams : int, optional
        Threads for each device; by default two, and one where CUDA graphs are recorded.
    """

    def __init__(self, backbones: Sequence[Backbone], batch_size: int, *, streams: int | None = None) -> None:
        check_sessions(backbones)
        if streams is None:
            # A session may record one graph at a time, and nobody else may run meanwhile.
            streams = 1 if any(one.providers[0].has_graphs for one in backbones) else STREAMS
        self._runners = [backbone.bind(batch_size) for backbone in backbones for _ in range(streams)]
        self._requests: queue.Queue[tuple[Pixels, Future[Codes]] | None] = queue.Queue(
            _WAITING * len(self._runners)
        )
        self._threads = [
            threading.Thread(target=self._serve, args=(runner,), name="cnncodes-device", daemon=True)
            for runner in self._runners
        ]
        for thread in self._threads:
            thread.start()

    def run(self, images: Pixels) -> Codes:
        """Return the codes of images; waits until some device has made them.

        Raises
        ------
        BackboneError
            If the network fails on the batch that they were part of.
        """
        future: Future[Codes] = Future()
        self._requests.put((images, future))
        return future.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Nobody waits for a device that hangs after lanes have been left behind.
        deadline = None if kind is None else time.monotonic() + LIMIT
        with contextlib.suppress(queue.Full):
            for _ in self._threads:
                self._requests.put(None, timeout=_left(deadline))
        for thread in self._threads:
            thread.join(_left(deadline))

    def _serve(self, runner: BoundRunner) -> None:
        while True:
            requests, is_last = self._gather(runner.batch_size)
            if requests:
                _answer(runner, requests)
            if is_last:
                return

    def _gather(self, batch_size: int) -> tuple[list[tuple[Pixels, Future[Codes]]], bool]:
        """Wait for a request, and take what else waits until a batch is full."""
        first = self._requests.get()
        if first is None:
            return [], True
        requests, count = [first], len(first[0])
        while count < batch_size:
            try:
                further = self._requests.get_nowait()
            except queue.Empty:
                break  # better a batch that is not full than a device that waits
            if further is None:
                return requests, True
            requests.append(further)
            count += len(further[0])
        return requests, False


def check_sessions(backbones: Sequence[Backbone]) -> None:
    """Raise `UsageError` unless backbones are sessions of one network, whose codes may stand together."""
    if len({one.providers[0].name for one in backbones}) != 1:
        raise UsageError(
            "several backbones must run on devices of one provider, whose codes may stand together. Got"
            f" {', '.join(str(one.providers[0]) for one in backbones)}."
        )
    if len({(one.sha256, one.precision, one.card.layer) for one in backbones}) != 1:
        raise UsageError("several backbones must be sessions of one network, with one precision and layer.")


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _answer(runner: BoundRunner, requests: Sequence[tuple[Pixels, Future[Codes]]]) -> None:
    try:
        codes = runner.run_parts([images for images, _ in requests])
    except BaseException as error:  # whatever it is, the lanes that wait must hear of it
        for _, future in requests:
            future.set_exception(error)
        return
    start = 0
    for images, future in requests:
        future.set_result(codes[start : start + len(images)])
        start += len(images)
