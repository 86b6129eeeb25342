"""The folder of a fine-tuning: what it gives, and, until it is done, where it stands."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.disk import parse_json
from cnncodes.errors import StoreError, sentence
from cnncodes.finetuning.checkpoints import DAMAGED, PREVIOUS
from cnncodes.finetuning.description import DESCRIPTION
from cnncodes.finetuning.features import FEATURES
from cnncodes.finetuning.history import EpochFigures
from cnncodes.store.files import atomic_write, write_file, writing_errors
from cnncodes.store.locking import LOCK_NAME, WriterLock

if TYPE_CHECKING:
    from cnncodes.backbones import Backbone

#: What lies in it at the end.
CLASSIFIER, BACKBONE, LOG, SUMMARY = "classifier.cnncodes", "backbone", "log.csv", "summary.json"
#: What lies in it before.
STATE = "state"
#: By which the folder of a fine-tuning is known, within `STATE`; it holds the seconds spent so far.
MARK = "finetuning.json"
#: What a file is called while it is written, given its name.
_HALF_WRITTEN = f".{{}}.{'[0-9a-f]' * 8}.tmp"
#: Seconds between two notes of the time that was spent.
_TICK = 2.0
#: Ends of the names of checkpoints; damaged ones are counted from the second on.
_ENDS = ("", PREVIOUS, DAMAGED, f"{DAMAGED}-[0-9]*")
#: What a fine-tuning puts there beside: nothing else is ever removed.
OWN = (
    MARK,
    LOCK_NAME,
    *(f"{name}.safetensors{end}" for name in ("checkpoint", "again") for end in _ENDS),
    DESCRIPTION,
    FEATURES,
    "feature-*.bin",
    "codes.bin",
    "head.npz",
)


class TuningFolder:
    """A folder that one fine-tuning writes to; another one is refused.

    Parameters
    ----------
    path : path

    Raises
    ------
    StoreError
        If it holds other things, or somebody else writes to it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.state = self.path / STATE
        _check_place(self.path)
        self._made = not self.path.is_dir()
        with writing_errors(self.path):
            self.state.mkdir(parents=True, exist_ok=True)
        self._lock = WriterLock(self.state)
        # What a kill left half written: whoever holds the lock is the only one who writes these.
        _remove(self.state, _HALF_WRITTEN)
        _remove(self.path, _HALF_WRITTEN, (CLASSIFIER, LOG, SUMMARY))
        self._before = _read_seconds(self.state / MARK)
        self._started = time.monotonic(), time.process_time()
        try:
            self.note_time()
        except BaseException:
            self._lock.release()
            raise
        self._stopped = threading.Event()
        self._clock = threading.Thread(target=self._keep_time, daemon=True)
        self._clock.start()

    @property
    def seconds(self) -> float:
        """Seconds that the fine-tuning has taken, with those of runs that were interrupted."""
        return self._before[0] + time.monotonic() - self._started[0]

    @property
    def cpu_seconds(self) -> float:
        """The same in seconds of the processors that worked for it, of this process."""
        return self._before[1] + time.process_time() - self._started[1]

    def note_time(self) -> None:
        """Keep how long it has taken so far."""
        spent = {"seconds": round(self.seconds, 1), "cpu_seconds": round(self.cpu_seconds, 1)}
        self._write(self.state / MARK, json.dumps(spent).encode())

    def _write(self, path: Path, data: bytes) -> None:
        """Write a file, unless another may have got the folder meanwhile."""
        atomic_write(path, data, check=self._lock.check)

    def _keep_time(self) -> None:
        """Note the time now and then, as a kill tells nobody."""
        while not self._stopped.wait(_TICK):
            with contextlib.suppress(StoreError):  # a full disk, which whoever writes more says
                self.note_time()

    @property
    def classifier(self) -> Path:
        """The saved classifier: the better one of the two."""
        return self.path / CLASSIFIER

    @property
    def backbone(self) -> Path:
        """The tuned network, a backbone like any other."""
        return self.path / BACKBONE

    def read_summary(self) -> dict[str, Any] | None:
        """Return the summary of a fine-tuning that is done; None where there is none.

        Raises
        ------
        StoreError
            If what belongs to it is missing or damaged.
        """
        found = _read_summary(self.path / SUMMARY)
        if found is None:
            return None
        missing = [item for item in (self.classifier, self.backbone / "card.toml") if not item.exists()]
        if missing:
            raise StoreError(
                f"{self.path} holds a fine-tuning that was done, and {missing[0]} is missing: remove the"
                " folder to train again, or give another one, -o FOLDER."
            )
        return found

    def write_log(self, history: Sequence[EpochFigures]) -> None:
        """Write the figures of all epochs as CSV."""
        text = io.StringIO(newline="")
        rows = [figures.to_dict() for figures in history]
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self._write(self.path / LOG, text.getvalue().encode())

    def write_backbone(self, backbone: Backbone) -> None:
        """Write the tuned network and its card; one that is as it was, too, but for what is made of it."""
        model_file = backbone.card.model_file
        card = dataclasses.replace(
            backbone.card,
            files={model_file: backbone.card.files[model_file]},
            precisions={},
            quantization={},
        )
        with writing_errors(self.backbone):
            self.backbone.mkdir(exist_ok=True)
        self.tidy_backbone(model_file)
        self._write(self.backbone / model_file, backbone.model_bytes())
        write_file(self.backbone / "card.toml", card.to_toml().encode(), alone=False)

    def tidy_backbone(self, model_file: str) -> None:
        """Remove what a kill left half written of the tuned network; nobody else writes that file."""
        _remove(self.backbone, _HALF_WRITTEN, (model_file,))

    def finish(self, summary: dict[str, Any]) -> None:
        """Write the summary, after all else, and remove what is not needed any more."""
        self._write(self.path / SUMMARY, (json.dumps(summary, indent=1) + "\n").encode())
        self.close()

    def close(self) -> None:
        """Let others write; what is not needed any more goes, and so does a folder of which nothing came."""
        self._stopped.set()
        self._clock.join()
        if self._lock.current:  # else what is there now is perhaps of another job
            works = any(item.name not in (MARK, DESCRIPTION, LOCK_NAME) for item in self.state.iterdir())
            if (self.path / SUMMARY).exists() or not works:
                _clear(self.state)
            else:
                with contextlib.suppress(StoreError):  # a full disk, which is said already
                    self.note_time()
        self._lock.release()
        with contextlib.suppress(OSError):  # others' things are in it, or it is gone already
            self.state.rmdir()
            if self._made:
                self.path.rmdir()


def _clear(state: Path) -> None:
    """Remove what a fine-tuning has put there, and the temporary files of what it was writing."""
    _remove(state, "{}")
    _remove(state, _HALF_WRITTEN)


def _remove(folder: Path, form: str, names: Sequence[str] = OWN) -> None:
    """Remove files whose names are in that form those of a fine-tuning's own."""
    for name in names:
        for path in folder.glob(form.format(name)):
            with contextlib.suppress(OSError):
                path.unlink()


def _read_seconds(mark: Path) -> tuple[float, float]:
    """Return the seconds of runs before, by the clock and of processors."""
    try:
        found = parse_json(mark.read_bytes())
        return float(found["seconds"]), float(found.get("cpu_seconds", 0.0))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0.0, 0.0


def _read_summary(path: Path) -> dict[str, Any] | None:
    """Return the summary of a fine-tuning; None where there is no file, or one of something else.

    Raises
    ------
    StoreError
        If it is no JSON, and lies beside what a fine-tuning gives.
    """
    if not path.is_file():
        return None
    try:
        found = parse_json(path.read_bytes())
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {sentence(error.strerror or error)}") from error
    except ValueError as error:
        if not (path.with_name(CLASSIFIER).exists() and path.with_name(BACKBONE).exists()):
            return None
        raise StoreError(
            f"{path} is damaged: remove the folder to train again, or give another one, -o FOLDER."
        ) from error
    return found if isinstance(found, dict) and "identity" in found else None


def _check_place(path: Path) -> None:
    if path.is_file():
        raise StoreError(f"cannot write to {path}: it is a file. Give the name of a folder.")
    if path.is_symlink() and not path.exists():
        raise StoreError(
            f"cannot write to {path}: it is a link to {path.readlink()}, which is not there. Make that"
            " folder, or give another one, -o FOLDER."
        )
    if not path.is_dir() or _read_summary(path / SUMMARY) is not None:
        return
    found = sorted(item.name for item in path.iterdir())
    if SUMMARY in found:  # somebody's own
        found = [SUMMARY]
    elif _is_ours(path / STATE):
        return
    elif found == [STATE] and (path / STATE).is_dir():  # killed before its mark was there
        found = [f"{STATE}/{item.name}" for item in (path / STATE).iterdir() if item.name != LOCK_NAME]
        found = [name for name in found if not name.startswith(f"{STATE}/.{MARK}.")]
    if found:
        shown = ", ".join(found[:3])
        raise StoreError(f"{path} holds other things ({shown}): give another folder, -o FOLDER.")


def _is_ours(state: Path) -> bool:
    """Tell whether a fine-tuning keeps its state there: by its mark, or, without it, by its features."""
    if (state / MARK).is_file():
        return True
    try:
        found = parse_json((state / FEATURES).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and {"identity", "kept_rows"} <= found.keys()
