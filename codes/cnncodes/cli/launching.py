"""What torchrun is told by a process of its own that fails: its last words name the error, too."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path


def tell_launcher(text: str, environ: Mapping[str, str] = os.environ) -> None:
    """Write why this process ends to where torchrun looks for it; nothing where nobody does.

    The file is that of torch.distributed.elastic.multiprocessing.errors, without loading torch.
    """
    path = environ.get("TORCHELASTIC_ERROR_FILE")
    if path:
        facts = {"message": text, "extraInfo": {"timestamp": str(int(time.time()))}}
        with contextlib.suppress(OSError):
            Path(path).write_text(json.dumps({"message": facts}), encoding="utf-8")
