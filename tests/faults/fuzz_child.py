"""Decodes damaged pictures in a process of its own and says of each what came of it.

A line before each picture, so that whoever reads knows which one ended the process, and one after it.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parent))
from image_bombs import BOMBS
from image_mutations import mutate, seeds

from cnncodes.errors import UnreadableImage
from cnncodes.images import Decoding, decode
from cnncodes.images.opening import open_image, opening
from cnncodes.views.deferring import defer
from cnncodes.views.encoded import EncodedJpeg
from cnncodes.views.resizing import resize

#: Address space for one picture.
ROOM = 4 * 2**30
MAX_PIXELS = 10**6
#: Seconds for one picture, after which it counts as hanging.
SILENCE = 60


def resident(what: str) -> int:
    """Return the memory that the process holds, ``VmRSS``, or the most since `forget_peak`, ``VmHWM``."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{what}:")[1].split()[0]) * 1024


def forget_peak() -> int:
    """Begin to look for the most memory anew; return what is held now."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")


def is_header_valid(data: bytes, decoding: Decoding) -> bool:
    """Say whether a file is recognised and its size is a legal one."""
    try:
        with opening(decoding.max_pixels), open_image(data, decoding.max_pixels):
            return True
    except Exception:
        return False


def judge(data: bytes, decoding: Decoding) -> dict[str, Any]:
    """Return what came of a picture."""
    load = functools.partial(decode, data, decoding, short_side=8)
    try:
        picture = load(defer=functools.partial(defer, load=load))
        shrunk = resize(picture, (32, 32), "bicubic") if isinstance(picture, EncodedJpeg) else None
        image = picture.load() if isinstance(picture, EncodedJpeg) else picture
        if shrunk is not None and not np.array_equal(shrunk, resize(image, (32, 32), "bicubic")):
            return {"outcome": "illegal", "reason": "other pixels where it is decoded while it is resized"}
    except UnreadableImage as error:
        return {"outcome": "refused", "stage": error.stage, "reason": error.reason}
    except BaseException as error:
        return {"outcome": "raised", "reason": repr(error)}
    is_legal = image.mode == "RGB" and 0 < image.width * image.height <= decoding.max_pixels
    return {"outcome": "picture" if is_legal else "illegal", "reason": f"{image.mode} {image.size}"}


def say(**line: Any) -> None:
    """Write a line at once: after a crash nobody writes what is left in a buffer."""
    os.write(1, json.dumps(line).encode() + b"\n")


def decode_one(which: object, data: bytes, decoding: Decoding, **more: Any) -> None:
    """Decode a picture between two lines."""
    say(begin=which)
    signal.alarm(SILENCE)  # ends the process, also in the middle of native code
    before, started = forget_peak(), time.process_time()
    found = judge(data, decoding)
    seconds, grown = time.process_time() - started, resident("VmHWM") - before
    say(done=which, seconds=round(seconds, 3), grown=grown, **more, **found)


def main() -> None:
    """Decode the mutations of a range of numbers, or bombs by their names."""
    kind, *rest = sys.argv[1:]
    for data in seeds().values():  # so that what the decoders hold for good is there already
        judge(data, Decoding())
    # Beyond what is asserted, so that a bomb does not take the machine with it.
    resource.setrlimit(resource.RLIMIT_AS, (resident("VmSize") + ROOM,) * 2)
    if kind == "bombs":
        for name in rest:
            data = BOMBS[name]()
            decode_one(name, data, Decoding(max_pixels=MAX_PIXELS), bytes=len(data))
        return
    for number in range(int(rest[0]), int(rest[1])):
        name, data = mutate(number)
        decoding = Decoding("fast" if number % 3 == 0 else "exact", max_pixels=MAX_PIXELS)
        say(begin=number)  # the header alone may end the process too
        valid = is_header_valid(data, decoding)
        decode_one(number, data, decoding, bytes=len(data), name=name, valid=valid)


if __name__ == "__main__":
    main()
