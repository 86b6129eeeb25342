"""Cards: written and read without loss, and refused where anything on them cannot be right."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from small_backbones import make_card

from cnncodes.backbones import Card, Frame, models_folder
from cnncodes.backbones.graphs.initializers import Weights
from cnncodes.backbones.precisions import Quantization
from cnncodes.errors import BackboneError, CardError

texts = st.text(st.characters(exclude_categories=["Cs"]))
names = st.from_regex(r"[A-Za-z0-9ä][A-Za-z0-9 _.+-]{0,20}", fullmatch=True)
numbers = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=1e-9, max_value=1e9)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    height, width = draw(st.integers(32, 512)), draw(st.integers(32, 512))
    resize = draw(st.integers(max(height, width), 1024))
    return Frame(height, width, resize, draw(st.sampled_from(["bicubic", "bilinear", "lanczos"])))


@st.composite
def cards(draw: st.DrawFn) -> Card:
    files = draw(st.dictionaries(names.map("{}.onnx".format), digests, min_size=1, max_size=3))
    low = draw(st.floats(-1e6, 1e6))
    picked = {"whole": "0" * 64, "layers": {"a": 3, "code": 4}, "code_size": 7}
    model_file = draw(st.sampled_from(sorted(files)))
    precision, *others = draw(st.permutations(["fp32", "fp16", "int8"]))
    further = zip(others, sorted(set(files) - {model_file}), strict=False)
    return make_card(
        name=draw(names),
        description=draw(texts),
        source_weights=draw(texts),
        model_file=model_file,
        value_range=(low, low + draw(st.floats(1, 1e6))),
        mean=draw(st.tuples(numbers, numbers, numbers)),
        std=draw(st.tuples(positive, positive, positive)),
        frame=draw(frames()),
        files=files,
        exporter=draw(st.dictionaries(texts, texts, max_size=3)),
        parity=draw(st.dictionaries(names, numbers, max_size=3)),
        sizes=draw(st.sampled_from(["dynamic", "fixed", "multiple-of-1"])),
        weights=draw(st.none() | st.builds(Weights, st.integers(0, 10**9), st.integers(0, 10**9), digests)),
        address=draw(st.none() | texts),
        random_state=draw(st.none() | st.integers(0, 10**9)),
        parent=draw(st.none() | digests),
        **draw(st.sampled_from([{"code_size": draw(st.integers(1, 10_000))}, picked])),
        precision=precision,
        precisions=dict(further),
        quantization=draw(st.dictionaries(st.sampled_from(["fp16", "int8"]), quantizations())),
    )


@st.composite
def quantizations(draw: st.DrawFn) -> Quantization:
    worst, cosine = sorted(draw(st.tuples(st.floats(-1, 1), st.floats(-1, 1))))
    change = draw(st.none() | st.lists(st.floats(-1, 1), min_size=3, max_size=3).map(sorted))
    low, value, high = (None,) * 3 if change is None else change
    compared = draw(st.integers(0, 10_000))
    equal = low is not None and low > -0.01 and compared >= 2000 and draw(st.booleans())
    images = draw(st.integers(0, 10_000))
    kind = draw(st.sampled_from(["uint8", "int8", "float16"]))
    return Quantization(draw(texts), kind, images, cosine, worst, compared, value, low, high, equal)


WEIGHTS = Weights(12, 3456, "0" * 64)
QUANTIZATION = Quantization("static", "uint8", 512, 0.99, 0.9, 2500, -0.001, -0.004, 0.002, True)
FURTHER = {
    "files": {"int8.onnx": "1" * 64},
    "precisions": {"int8": "int8.onnx"},
    "quantization": {"int8": dataclasses.asdict(QUANTIZATION)},
}


def changed(**changes: Any) -> str:
    """Return a good card's TOML with other values; None removes a key, a dict changes a table."""
    values = tomllib.loads(make_card(weights=WEIGHTS).to_toml())
    for key, value in changes.items():
        if value is None:
            del values[key]
        else:
            merge = isinstance(value, dict) and isinstance(values.get(key), dict)
            values[key] = {**values[key], **value} if merge else value
    return tomli_w.dumps(values)


@given(cards())
def test_a_card_comes_back_as_it_was(card: Card) -> None:
    again = Card.from_toml(card.to_toml())
    assert again == card
    assert again.to_toml() == card.to_toml()


def test_a_written_card_comes_back(tmp_path: Path) -> None:
    card = make_card(description='ünïcode ✓ "quoted"\nsecond line')
    card.write(tmp_path / "card.toml")
    assert Card.read(tmp_path / "card.toml") == card


def test_the_shipped_card_says_what_the_package_promises() -> None:
    folder = models_folder() / "efficientnet-lite0"
    card = Card.read(folder / "card.toml")
    assert (card.name, card.code_size, card.licence) == ("efficientnet-lite0", 1280, "Apache-2.0")
    assert card.frame == Frame(224, 224, 256, "bicubic", "center")
    assert card.parity["images"] >= 16
    assert (folder / "card.toml").read_text(encoding="utf-8") == card.to_toml()


def test_the_shipped_card_names_every_file_beside_it_by_its_hash() -> None:
    folder = models_folder() / "efficientnet-lite0"
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != "card.toml"
    }
    assert Card.read(folder / "card.toml").files == found


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code_sise": 3}, "unknown key 'code_sise'. Did you mean 'code_size'?"),
        ({"frame": {"hieght": 3}}, "frame: unknown key 'hieght'. Did you mean 'height'?"),
    ],
)
def test_an_unknown_key_brings_the_nearest_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(CardError, match=re.escape(words)):
        Card.from_toml(changed(**changes))


@pytest.mark.parametrize(
    "key",
    [f.name for f in dataclasses.fields(Card) if f.default is f.default_factory is dataclasses.MISSING],
)
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(CardError, match=rf"missing: {key}\."):
        Card.from_toml(changed(**{key: None}))


def test_every_missing_key_is_named_at_once() -> None:
    with pytest.raises(CardError, match="missing: name, licence"):
        Card.from_toml(changed(name=None, licence=None))


def test_a_frame_without_its_resize_is_refused() -> None:
    values = tomllib.loads(make_card().to_toml())
    del values["frame"]["resize"]
    with pytest.raises(CardError, match=r"frame: missing: resize\."):
        Card.from_toml(tomli_w.dumps(values))


WRONG_TYPES: list[tuple[str, Any]] = [
    ("name", 3),
    ("description", ["a"]),
    ("code_size", "1280"),
    ("code_size", 1280.0),
    ("code_size", True),
    ("opset", "18"),
    ("format", "1"),
    ("frame", 224),
    ("frame", {"height": "224"}),
    ("frame", {"width": 224.0}),
    ("frame", {"crop": 1}),
    ("frame", {"interpolation": ["bicubic"]}),
    ("files", "model.onnx"),
    ("files", {"model.onnx": 3}),
    ("files", {"model.onnx": ["ab"]}),
    ("exporter", {"torch": 2.6}),
    ("exporter", {"torch": {"version": "2.6"}}),
    ("parity", {"images": "twenty"}),
    ("parity", {"cosine": True}),
    ("parity", {"cosine": [1.0]}),
    ("mean", 127.0),
    ("mean", "127"),
    ("mean", ["a", "b", "c"]),
    ("mean", ["1", "2", "3"]),
    ("mean", [[1.0], [2.0], [3.0]]),
    ("std", [True, True, True]),
    ("value_range", {"low": 0}),
    ("address", 3),
    ("random_state", "0"),
    ("weights", "all"),
    ("weights", {"count": 1.5}),
    ("parent", 3),
    ("layers", {"a": "3"}),
    ("whole", 1),
    ("precision", 8),
    ("precisions", ["int8"]),
    ("precisions", {"int8": 8}),
    ("quantization", "int8"),
    ("quantization", {"int8": "static"}),
]


@pytest.mark.parametrize(("key", "value"), WRONG_TYPES)
def test_a_wrong_type_is_refused_and_named(key: str, value: Any) -> None:
    wrong = next(iter(value)) if key in ("frame", "weights") and isinstance(value, dict) else key
    with pytest.raises(CardError, match=rf"^(frame: |weights: )?{wrong}(\.int8)? must be"):
        Card.from_toml(changed(**{key: value}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mean", [127.0]),
        ("mean", [127.0] * 4),
        ("std", []),
        ("std", [128.0, 128.0]),
        ("std", [128.0, 0.0, 128.0]),
        ("std", [128.0, -1.0, 128.0]),
        ("std", [128.0, float("nan"), 128.0]),
        ("mean", [float("inf"), 0.0, 0.0]),
        ("mean", [10**400, 0, 0]),
        ("value_range", [0.0]),
        ("value_range", [255.0, 0.0]),
        ("code_size", 0),
        ("code_size", -5),
        ("min_size", 0),
        ("opset", 0),
        ("sizes", "any"),
        ("sizes", "multiple-of-0"),
        ("sizes", "multiple-of-"),
        ("sizes", "multiple-of-7"),
        ("format", 0),
        ("weights", {"count": -1}),
        ("weights", {"sha256": "abc"}),
        ("parent", "abc"),
        ("model_file", "model.pb"),
        ("files", {"model.onnx": "abc"}),
        ("files", {"model.onnx": "G" * 64}),
        ("files", {"model.onnx": "A" * 64}),
    ],
)
def test_a_value_that_cannot_be_right_is_refused_and_named(key: str, value: Any) -> None:
    with pytest.raises(CardError, match=re.escape("model.onnx" if key == "files" else key)):
        Card.from_toml(changed(**{key: value}))


def test_whole_numbers_do_for_means() -> None:
    assert Card.from_toml(changed(mean=[1, 2, 3])).mean == (1.0, 2.0, 3.0)


@pytest.mark.parametrize(
    "name",
    ["../model.onnx", "a/b", "/etc/passwd", "..", ".", "", ".hidden", "a\\b", "C:model.onnx", "a\0b", "a\nb"],
)
def test_a_name_with_a_folder_or_an_odd_sign_in_it_is_refused(name: str) -> None:
    digest = "0" * 64
    for changes in (
        {"name": name},
        {"model_file": name},
        {"files": {name: digest}},
    ):
        with pytest.raises(CardError, match="plain name"):
            Card.from_toml(changed(**changes))


def test_the_model_has_to_be_among_the_files() -> None:
    with pytest.raises(CardError, match=r"lacks the sha256 of its model_file 'other\.onnx'"):
        Card.from_toml(changed(model_file="other.onnx"))


def test_a_newer_format_is_named_before_its_new_keys() -> None:
    with pytest.raises(CardError, match=r"format 4; this version of cnncodes reads formats 1 to 3"):
        Card.from_toml(changed(format=4, new_in_three="x", name=None))


@pytest.mark.parametrize(
    "text", ["name = ", "= 3", "a = 1\na = 2", "[" * 5000, "a = " + "[" * 5000, "a = " + "9" * 5000]
)
def test_what_is_no_toml_is_refused(text: str) -> None:
    with pytest.raises(CardError, match="not TOML"):
        Card.from_toml(text)


def test_an_empty_card_names_what_is_missing() -> None:
    with pytest.raises(CardError, match="missing: name"):
        Card.from_toml("")


def test_a_frame_below_the_least_size_is_refused() -> None:
    with pytest.raises(CardError, match="min_size"):
        Card.from_toml(changed(min_size=33))


def test_a_card_of_the_first_format_is_read() -> None:
    text = changed(format=1, weights=None)
    card = Card.from_toml(text)
    assert (card.format, card.weights, card.address, card.random_state) == (1, None, None, None)
    assert tomllib.loads(card.to_toml()) == tomllib.loads(text)


@pytest.mark.parametrize(
    ("sizes", "good", "bad", "words", "least"),
    [
        ("dynamic", [(8, 8), (9, 100)], [(7, 8), (8, 7)], "at least 8", 8),
        ("fixed", [(32, 32)], [(32, 33), (64, 64), (31, 32)], "32 and 32", 8),
        ("multiple-of-16", [(16, 32), (64, 16)], [(8, 16), (24, 32), (32, 33)], "multiples of 16", 16),
    ],
)
def test_a_card_says_which_sizes_the_network_takes(
    sizes: str, good: list[tuple[int, int]], bad: list[tuple[int, int]], words: str, least: int
) -> None:
    card = make_card(sizes=sizes)
    assert all(card.takes(*size) for size in good) and not any(card.takes(*size) for size in bad)
    assert words in card.describe_sizes() and card.least_side() == least


def test_a_frame_that_the_network_does_not_take_is_refused() -> None:
    with pytest.raises(CardError, match="32 x 32 is not of the sizes that the network takes, multiple-of-14"):
        make_card(sizes="multiple-of-14")


def test_an_error_names_the_card_that_was_read(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text(changed(code_size=0))
    with pytest.raises(CardError, match=r"card\.toml: code_size") as caught:
        Card.read(tmp_path / "card.toml")
    assert str(tmp_path) in str(caught.value)


def test_a_card_that_cannot_be_read_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="cannot be read"):
        Card.read(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CardError, match="cannot be read"):
        Card.read(tmp_path / "binary.toml")


def test_the_card_of_a_further_file_names_that_file_alone() -> None:
    card = Card.from_toml(changed(**FURTHER))
    int8 = card.choose("int8")
    assert (int8.model_file, int8.precision, int8.files) == ("int8.onnx", "int8", {"int8.onnx": "1" * 64})
    assert int8.parent == card.files[card.model_file]
    assert (int8.precisions, int8.weights, int8.quantization) == ({}, None, {"int8": QUANTIZATION})
    assert Card.from_toml(int8.to_toml()) == int8
    assert card.choose("fp32") is card.choose(None) is card
    assert int8.choose("int8") is int8.choose(None) is int8


def test_a_precision_that_is_not_there_brings_those_that_are_and_how_to_make_one() -> None:
    card = Card.from_toml(changed(**FURTHER))
    with pytest.raises(BackboneError, match=r"no fp16 file; it has fp32, int8\. 'cnncodes models quantize'"):
        card.choose("fp16")
    with pytest.raises(BackboneError, match=r"no fp32 file; it has int8\."):
        card.choose("int8").choose("fp32")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"precision": "fp23"}, "precision: unknown precision 'fp23'. Did you mean"),
        ({"precisions": {"int4": "int8.onnx"}}, "precisions: unknown precision 'int4'. Did you mean 'int8'?"),
        ({"precisions": {"int8": "other.onnx"}}, "'other.onnx' must be one of the card's files"),
        ({"precisions": {"fp32": "int8.onnx"}}, "neither may be there twice"),
        ({"precisions": {"int8": "model.onnx"}}, "neither may be there twice"),
        (
            {"quantization": {"int9": FURTHER["quantization"]["int8"]}},
            "quantization: unknown precision 'int9'",
        ),
    ],
)
def test_further_files_that_cannot_be_right_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(CardError, match=re.escape(words)):
        Card.from_toml(changed(**{**FURTHER, **changes}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": -1}, "a count below 0"),
        ({"cosine": 0.8}, "the worst cosine must not be above the median"),
        ({"cosine": 1.5}, "both at most 1"),
        ({"low": None}, "must be there together"),
        ({"low": 0.1}, "in rising order"),
        ({"low": -0.02}, "equal needs low above -0.01 on at least 2000 images"),
        ({"compared": 1999}, "equal needs"),
        ({"equal": 1}, "quantization.int8: equal must be true or false"),
        ({"cosine": "near"}, "quantization.int8: cosine must be a number"),
        ({"casine": 1.0}, "Did you mean 'cosine'?"),
    ],
)
def test_figures_that_cannot_be_right_are_refused(changes: dict[str, Any], words: str) -> None:
    facts = {**FURTHER["quantization"]["int8"], **changes}
    facts = {key: value for key, value in facts.items() if value is not None}
    with pytest.raises(CardError, match=re.escape(words)):
        Card.from_toml(changed(**{**FURTHER, "quantization": {"int8": facts}}))
