"""The folder of a fine-tuning: what it gives, and, until it is done, where it stands."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.errors import StoreError, check_path
from cnncodes.finetuning.history import EpochFigures
from cnncodes.store.files import atomic_write, writing_errors
from cnncodes.store.locking import LOCK_NAME, WriterLock

if TYPE_CHECKING:
    from cnncodes.backbones import Backbone

#: What lies in it at the end.
CLASSIFIER, BACKBONE, LOG, SUMMARY = "classifier.cnncodes", "backbone", "log.csv", "summary.json"
#: What lies in it before, and shows that it is one.
STATE = "state"


class TuningFolder:
    """A folder that one fine-tuning writes to; another one waits or is refused.

    Parameters
    ----------
    path : path

    Raises
    ------
    StoreError
        If it holds other things, or somebody else writes to it.
    """

    def __init__(self, path: str | Path) -> None:
        check_path(path, "out")
        self.path = Path(path)
        self.state = self.path / STATE
        _check_place(self.path)
        with writing_errors(self.path):
            self.state.mkdir(parents=True, exist_ok=True)
        self._lock = WriterLock(self.state)

    @property
    def classifier(self) -> Path:
        """The saved classifier: the better one of the two."""
        return self.path / CLASSIFIER

    @property
    def backbone(self) -> Path:
        """The tuned network, a backbone like any other."""
        return self.path / BACKBONE

    def read_summary(self) -> dict[str, Any] | None:
        """Return the summary of a fine-tuning that is done; None where there is none."""
        try:
            found = json.loads((self.path / SUMMARY).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{self.path / SUMMARY} is damaged: remove it, and the same command makes it again."
            ) from error
        return found if isinstance(found, dict) else None

    def write_log(self, history: Sequence[EpochFigures]) -> None:
        """Write the figures of all epochs as CSV."""
        text = io.StringIO(newline="")
        rows = [figures.to_dict() for figures in history]
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        atomic_write(self.path / LOG, text.getvalue().encode())

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
        atomic_write(self.backbone / model_file, backbone.model_bytes())
        atomic_write(self.backbone / "card.toml", card.to_toml().encode())

    def finish(self, summary: dict[str, Any]) -> None:
        """Write the summary, after all else, and remove what is not needed any more."""
        atomic_write(self.path / SUMMARY, (json.dumps(summary, indent=1) + "\n").encode())
        self.close()
        shutil.rmtree(self.state, ignore_errors=True)

    def close(self) -> None:
        """Let others write; where nothing has come of it yet, no folder stays."""
        self._lock.release()
        with contextlib.suppress(OSError):  # it is not empty, or gone already
            if not any(item.name != LOCK_NAME for item in self.state.iterdir()):
                shutil.rmtree(self.state)
                self.path.rmdir()


def _check_place(path: Path) -> None:
    if path.is_file():
        raise StoreError(f"cannot write to {path}: it is a file. Give the name of a folder.")
    if not path.is_dir():
        return
    own = {CLASSIFIER, BACKBONE, LOG, SUMMARY, STATE}
    found = {item.name for item in path.iterdir()}
    if found and not found & {STATE, SUMMARY}:
        shown = ", ".join(sorted(found - own or found)[:3])
        raise StoreError(f"{path} holds other things ({shown}): give another folder, -o FOLDER.")
