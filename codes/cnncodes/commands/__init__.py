"""The commands, by name: each a frozen dataclass of options and a function that returns a plain result."""

from __future__ import annotations

from cnncodes.commands.command import Command, Result
from cnncodes.commands.registry import Registry
from cnncodes.commands.reporter import Reporter

__all__ = ["COMMANDS", "Command", "Registry", "Reporter", "Result"]

#: Every command that a step of a recipe may run, in the order of the help.
COMMANDS = Registry(
    {
        name: f"cnncodes.commands.{home}"
        for name, home in {
            "embed": "embed:EMBED",
            "fit": "fit:FIT",
            "predict": "predict:PREDICT",
            "evaluate": "evaluate:EVALUATE",
            "compare": "compare:COMPARE",
            "baseline": "baseline:BASELINE",
            "check": "check:CHECK",
            "finetune": "finetune:FINETUNE",
            "models list": "models:MODELS",
            "models show": "models:MODELS",
            "models verify": "models:MODELS",
            "models export": "exporting:EXPORT",
            "models pull": "exporting:EXPORT",
            "models quantize": "quantize:QUANTIZE",
            "codes info": "codes:CODES",
            "codes verify": "codes:CODES",
            "codes repair": "codes:CODES",
            "codes merge": "merging:CODES_MERGE",
            "codes select": "selecting:CODES_SELECT",
            "codes convert": "converting:CODES_CONVERT",
            "views list": "views:VIEWS",
            "views show": "views:VIEWS",
            "views write": "views:VIEWS",
            "views gain": "gain:VIEWS_GAIN",
            "bench": "bench:BENCH",
            "doctor": "doctor:DOCTOR",
        }.items()
    }
)
