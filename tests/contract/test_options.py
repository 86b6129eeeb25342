"""The options of `cnncodes embed` are the arguments of `embed`: by name, default and choices."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest

from cnncodes import embed, load_backbone
from cnncodes.commands.embed import EmbedOptions
from cnncodes.images import open_source

OPTIONS = {field.name: field for field in dataclasses.fields(EmbedOptions)}
ARGUMENTS = inspect.signature(embed).parameters
SHARED = [name for name in OPTIONS if name in ARGUMENTS]

#: What no function of Python takes by that name; of several providers each has its own `load_backbone`.
OF_THE_COMMAND = {"holdout", "label_delimiter", "max_failures", "provider"}


def test_every_option_is_an_argument_of_embed_or_of_what_opens_its_images_and_network() -> None:
    openers = {*inspect.signature(open_source).parameters, *inspect.signature(load_backbone).parameters}
    assert OPTIONS.keys() - ARGUMENTS.keys() - openers == OF_THE_COMMAND
    assert ARGUMENTS.keys() - OPTIONS.keys() == {"on_progress", "on_note"}


@pytest.mark.parametrize("name", SHARED)
def test_defaults_are_the_same(name: str) -> None:
    option, argument = OPTIONS[name].default, ARGUMENTS[name].default
    assert (option is dataclasses.MISSING) == (argument is inspect.Parameter.empty)
    assert option is dataclasses.MISSING or (option, type(option)) == (argument, type(argument))


def test_choices_are_those_that_the_documentation_lists() -> None:
    listed = re.findall(r"^(\w+) : \{(.+)\}$", inspect.getdoc(embed) or "", re.M)
    told = {name: tuple(re.findall(r'"([^"]+)"', values)) for name, values in listed}
    given = {name: tuple(OPTIONS[name].metadata["choices"] or ()) for name in SHARED}
    assert told == {name: choices for name, choices in given.items() if choices}
