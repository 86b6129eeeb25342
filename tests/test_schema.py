"""One dataclass is the command line, the recipe and Python: what each accepts and refuses."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.commands import COMMANDS
from cnncodes.errors import UsageError
from cnncodes.schema import (
    add_arguments,
    field_types,
    find_problems,
    from_arguments,
    from_mapping,
    from_text,
    option,
    option_fields,
)


def _odd(value: int) -> None:
    if value % 2 == 0:
        raise UsageError(f"must be odd. Got {value}.")


@dataclass(frozen=True)
class Options:
    src: str = option("Images.")
    out: str = option("Where to.", short="-o")
    views: str = option("Views.", default="center", choices=("center", "tencrop"))
    batch_size: int = option("Size.", default=8, check=_odd)
    share: float = option("Share, as in 1%.", default=0.5)
    limit: str | int | float = option("Limit.", default="1%")
    split: str | None = option("Part.", default=None)
    part: str | None = option("Part, too.", default=None, once=True)
    backbone: bool = option("Leave it out.", default=True, off="--no-backbone")
    set: tuple[str, ...] = option("Settings.", default=())


GIVEN = {"src": "a", "out": "b"}


def parse(*arguments: str) -> Options:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_arguments(parser, Options)
    return from_arguments(Options, vars(parser.parse_args(arguments)))


def test_defaults_are_the_dataclass_s() -> None:
    assert from_mapping(Options, GIVEN) == Options("a", "b") == parse("a", "-o", "b")


def test_the_command_line_and_a_mapping_give_the_same_options() -> None:
    typed = parse(
        "a", "-o", "b", "--views", "tencrop", "--batch-size", "3", "--share", "1", "--limit", "7",
        "--split", "test", "--no-backbone", "--set", "x.y=1", "--set", "z=2",
    )  # fmt: skip
    mapping = {
        **GIVEN, "views": "tencrop", "batch_size": 3, "share": 1, "limit": 7, "split": "test",
        "backbone": False, "set": ["x.y=1", "z=2"],
    }  # fmt: skip
    assert typed == from_mapping(Options, mapping)
    assert typed.limit == 7
    assert isinstance(typed.share, float)


def test_two_values_of_what_may_be_meant_twice_are_refused() -> None:
    assert parse("a", "-o", "b", "--part", "test", "--part=test", "--split", "x", "--split", "y") == Options(
        "a", "b", part="test", split="y"
    )
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser, Options)
    with pytest.raises(argparse.ArgumentError, match="given twice, as 'test' and 'train': give one of them"):
        parser.parse_args(["a", "-o", "b", "--part", "test", "--part", "train"])


def test_every_problem_is_named_at_once() -> None:
    wrong = {"src": 3, "views": "tencorp", "batch_size": 2, "share": True, "veiws": "x", "backbone": 1}
    with pytest.raises(UsageError) as caught:
        from_mapping(Options, wrong)
    text = str(caught.value)
    assert "unknown option 'veiws'. Did you mean 'views'?" in text
    assert "out is missing" in text
    assert "src must be text. Got 3 instead." in text
    assert "must be one of center, tencrop. Got 'tencorp' instead. Did you mean 'tencrop'?" in text
    assert "must be odd" in text
    assert "share must be a number. Got True instead." in text
    assert "backbone must be true or false. Got 1 instead." in text


def test_a_value_from_the_shell_that_does_not_fit_is_named_with_its_flag() -> None:
    with pytest.raises(UsageError, match=r"--batch-size must be a whole number\. Got 'many' instead"):
        parse("a", "-o", "b", "--batch-size", "many")


def test_deferred_options_count_as_given() -> None:
    assert find_problems(Options, {"src": "${x.out}", "out": "b"}, deferred=["src"]) == []
    assert find_problems(Options, {"batch_size": "${x.n}", **GIVEN}, deferred=["batch_size"]) == []


def test_help_survives_per_cent_signs() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser, Options)
    assert "1%" in parser.format_help()


@given(st.text())
def test_text_stays_text_for_an_option_that_takes_text(text: str) -> None:
    assert from_text(Options, "src", text) == text


@given(st.integers())
def test_whole_numbers_from_the_shell_are_whole_numbers(number: int) -> None:
    assert from_text(Options, "batch_size", str(number)) == number


@pytest.mark.parametrize(
    ("text", "value"),
    [("5%", 0.05), ("33.3%", 0.333), ("20 %", 0.2), ("100%", 1.0), ("0.05", 0.05), ("%", "%")],
)
def test_a_share_from_the_shell_may_be_in_per_cent(text: str, value: object) -> None:
    @dataclass(frozen=True)
    class Shares:
        risk: float | None = option("Share.", default=None, share=True)
        other: float | None = option("No share.", default=None)
        layers: str | float = option("Share, or name.", default="0.3", share=True)

    assert from_text(Shares, "risk", text) == from_text(Shares, "layers", text) == value
    assert "%" not in text or from_text(Shares, "other", text) == text


def test_every_option_that_is_a_share_takes_per_cent() -> None:
    taken = {
        field.name
        for name in COMMANDS
        for field in option_fields(COMMANDS[name].options)
        if float in field_types(COMMANDS[name].options)[field.name]
        and from_text(COMMANDS[name].options, field.name, "20%") == 0.2
    }
    shares = {"holdout", "abstain", "coverage", "threshold", "unfreeze", "backbone_lr_mult", "validation"}
    assert taken == {*shares, "label_smoothing"}


@dataclass(frozen=True)
class Several:
    sources: tuple[str, ...] = option("Sources.")
    out: str = option("Where to.", short="-o")


def test_a_list_without_a_default_takes_all_that_stands_there() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_arguments(parser, Several)
    typed = from_arguments(Several, vars(parser.parse_args(["a", "b", "-o", "c"])))
    assert typed == from_mapping(Several, {"sources": ["a", "b"], "out": "c"}) == Several(("a", "b"), "c")
    assert from_mapping(Several, {"sources": "abc", "out": "c"}) == Several(("abc",), "c")
    for wrong, shown in ((7, "7"), ([1], r"\[1\]")):
        with pytest.raises(
            UsageError, match=f"sources must be a text or a list of texts. Got {shown} instead"
        ):
            from_mapping(Several, {"sources": wrong, "out": "c"})
    with pytest.raises(UsageError, match="sources is empty"):
        from_mapping(Several, {"sources": "", "out": "c"})
    with pytest.raises(UsageError, match="SOURCES is missing"):
        from_mapping(Several, {"out": "c"}, as_flags=True)
