"""The commands, by name: each a frozen dataclass of options and a function that returns a plain result."""

from __future__ import annotations

from cnncodes.commands.baseline import BASELINE
from cnncodes.commands.bench import BENCH
from cnncodes.commands.check import CHECK
from cnncodes.commands.codes import CODES
from cnncodes.commands.command import Command, Result
from cnncodes.commands.compare import COMPARE
from cnncodes.commands.converting import CODES_CONVERT
from cnncodes.commands.doctor import DOCTOR
from cnncodes.commands.embed import EMBED
from cnncodes.commands.evaluate import EVALUATE
from cnncodes.commands.exporting import EXPORT
from cnncodes.commands.finetune import FINETUNE
from cnncodes.commands.fit import FIT
from cnncodes.commands.gain import VIEWS_GAIN
from cnncodes.commands.merging import CODES_MERGE
from cnncodes.commands.models import MODELS
from cnncodes.commands.predict import PREDICT
from cnncodes.commands.quantize import QUANTIZE
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.selecting import CODES_SELECT
from cnncodes.commands.views import VIEWS

__all__ = ["COMMANDS", "Command", "Reporter", "Result"]

#: Every command that a step of a recipe may run.
COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        EMBED,
        FIT,
        PREDICT,
        EVALUATE,
        COMPARE,
        BASELINE,
        CHECK,
        FINETUNE,
        *MODELS,
        *EXPORT,
        QUANTIZE,
        *CODES,
        CODES_MERGE,
        CODES_SELECT,
        CODES_CONVERT,
        *VIEWS,
        VIEWS_GAIN,
        BENCH,
        DOCTOR,
    )
}
