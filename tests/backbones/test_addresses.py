"""Addresses: what each form means, and what is said of those that mean nothing, or two things."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncodes.backbones.exporting.addresses import Address, explain_unknown, parse_address
from cnncodes.backbones.exporting.sources import find_original
from cnncodes.errors import BackboneError


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("mine.pth", "own.safetensors", "a@b.pt", "notes.txt"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "source", "name", "checkpoint"),
    [
        ("efficientnet-lite0", "zoo", "efficientnet-lite0", None),
        ("torchvision:resnet18", "torchvision", "resnet18", None),
        ("torchvision:resnet18@mine.pth", "torchvision", "resnet18", "mine.pth"),
        ("timm:resnet18", "timm", "resnet18", None),
        ("timm:resnet18.a1_in1k", "timm", "resnet18.a1_in1k", None),
        ("timm:resnet18.a1_in1k@own.safetensors", "timm", "resnet18.a1_in1k", "own.safetensors"),
        ("timm:resnet18@a@b.pt", "timm", "resnet18", "a@b.pt"),
        ("hf-hub:some-one/net.v2", "hf-hub", "some-one/net.v2", None),
        ("python:lab.nets:make@mine.pth", "python", "lab.nets:make", "mine.pth"),
        ("python:lab/nets.py:make", "python", "lab/nets.py:make", None),
        ("python:C:/lab/nets.py:make@mine.pth", "python", "C:/lab/nets.py:make", "mine.pth"),
        ("nets/model.onnx", "file", "nets/model.onnx", None),
        ("./timm:resnet18.onnx", "file", "./timm:resnet18.onnx", None),
        ("C:/nets/model.onnx", "file", "C:/nets/model.onnx", None),
    ],
)
def test_each_form_means_one_thing(text: str, source: str, name: str, checkpoint: str | None) -> None:
    address = parse_address(text)
    assert address == Address(source, name, Path(checkpoint) if checkpoint else None)
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is no address: expected a name in the zoo, torchvision:NAME"),
        ("resnet18@mine.pth", "alone: 'timm:resnet18@mine.pth' or 'torchvision:resnet18@mine.pth'."),
        ("http://x.org/net.onnx", "'http://x.org/net.onnx' is a page of the web: fetch the file first"),
        ("torchvison:resnet18", "unknown source 'torchvison'. Did you mean 'torchvision:resnet18'? Known:"),
        ("keras:resnet18", "unknown source 'keras'. Known: hf-hub:, python:, timm:, torchvision:."),
        ("torchvision:", "no address of torchvision: expected torchvision:NAME or"),
        ("torchvision:resnet18.v1", "no address of torchvision"),
        ("timm:resnet18@", "no address of timm: expected timm:NAME, timm:NAME.TAG"),
        ("timm:../resnet18", "no address of timm"),
        ("timm:resnet18@notes.txt", "must end in .ckpt, .pt, .pth, .safetensors. Got 'notes.txt'"),
        ("timm:resnet18@missing.pth", "the checkpoint 'missing.pth' of timm:resnet18 is not there"),
        ("hf-hub:resnet18", "expected hf-hub:OWNER/REPO"),
        ("hf-hub:some/net@mine.pth", "expected hf-hub:OWNER/REPO"),
        ("hf-hub:some/net@", "expected hf-hub:OWNER/REPO, with @REVISION"),
        ("python:lab.nets", "no address of python: expected python:MODULE:FUNCTION@CHECKPOINT"),
        ("python:lab/nets:make", "no address of python"),
        ("python:lab.nets:make()", "no address of python"),
        ("python:lab.nets:make@missing.pth", "the checkpoint 'missing.pth' of python:lab.nets:make is not"),
    ],
)
def test_what_is_no_address_says_what_was_expected(text: str, words: str) -> None:
    with pytest.raises(BackboneError, match=re.escape(words)):
        parse_address(text)


def test_an_address_that_is_a_file_too_names_both(work: Path) -> None:
    (work / "timm:net.onnx").touch()
    with pytest.raises(BackboneError, match=r"the network 'net\.onnx' of timm or the file .*'\./timm:net"):
        parse_address("timm:net.onnx")
    assert parse_address("./timm:net.onnx").source == "file"


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("efficientnet-lite0", "efficientnet-lite0"),
        ("torchvision:resnet18@mine.pth", "torchvision-resnet18-mine"),
        ("timm:resnet18.a1_in1k", "timm-resnet18.a1_in1k"),
        ("timm:resnet18@a@b.pt", "timm-resnet18-a-b"),
        ("hf-hub:some-one/net.v2", "hf-hub-some-one-net.v2"),
        ("hf-hub:some-one/net@v2:onnx/model.onnx", "hf-hub-some-one-net-model"),
        ("python:lab.nets:make@mine.pth", "python-lab.nets-make-mine"),
        ("python:lab/nets.py:make@mine.pth", "python-nets-make-mine"),
        ("nets/model.onnx", "model"),
    ],
)
def test_a_slug_is_a_plain_name(text: str, slug: str) -> None:
    assert parse_address(text).slug == slug


def test_on_a_card_a_checkpoint_has_no_folder(work: Path) -> None:
    address = parse_address(f"timm:resnet18@{work / 'mine.pth'}")
    assert address.portable == "timm:resnet18@mine.pth"
    assert parse_address("timm:resnet18").portable == "timm:resnet18"
    address = parse_address(f"python:{work / 'nets.py'}:make@{work / 'mine.pth'}")
    assert address.portable == "python:nets.py:make@mine.pth"
    assert parse_address("nets/model.onnx").portable == "model.onnx"
    assert parse_address("hf-hub:some/net@v2").portable == "hf-hub:some/net@v2"


@pytest.mark.parametrize(
    ("text", "revision", "file"),
    [
        ("hf-hub:some/net", None, None),
        ("hf-hub:some/net@refs/pr/1", "refs/pr/1", None),
        ("hf-hub:some/net:onnx/model.onnx", None, "onnx/model.onnx"),
        ("hf-hub:some/net@v2:onnx/model 2.onnx", "v2", "onnx/model 2.onnx"),
    ],
)
def test_a_repository_may_have_a_revision_and_a_file(
    text: str, revision: str | None, file: str | None
) -> None:
    address = parse_address(text)
    assert (address.name, address.revision, address.file) == ("some/net", revision, file)
    assert str(address) == address.portable == text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "mine.pth",
            "a checkpoint such as 'mine.pth' holds weights alone: say of which network, torchvision",
        ),
        ("own.safetensors", "timm:NAME@own.safetensors or python:MODULE:FUNCTION@own.safetensors."),
        ("notes.txt", "'notes.txt' is no network: expected an address, or a file ending in .onnx."),
        ("done", "'done' is a backbone already: commands take it as it is, --backbone done."),
        (
            "https://huggingface.co/timm/resnet18.a1_in1k",
            "the repository's address is 'hf-hub:timm/resnet18.a1",
        ),
        ("https://huggingface.co/timm/net/tree/main", "is 'hf-hub:timm/net'."),
        ("http://example.org/net.pth", "is a page of the web: fetch the file first and give its path"),
    ],
)
def test_what_is_there_and_no_address_is_told_by_what_it_is(work: Path, name: str, words: str) -> None:
    (work / "done").mkdir()
    (work / "done" / "card.toml").touch()
    with pytest.raises(BackboneError, match=re.escape(words)):
        find_original(name)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_an_error_of_ours(text: str) -> None:
    with contextlib.suppress(BackboneError):
        assert parse_address(text).source in ("zoo", "torchvision", "timm", "python", "hf-hub", "file")


SOURCES = {"torchvision": ["alexnet", "resnet18"], "timm": ["resnet18", "resnet50"]}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnet18", "'resnet18' could mean 'timm:resnet18' or 'torchvision:resnet18': say which."),
        ("alexnet", "'alexnet' can be exported. Did you mean 'torchvision:alexnet'? Known: lite0."),
        ("resnet50.a1_in1k", "Did you mean 'timm:resnet50.a1_in1k'?"),
        ("resnet18.a1_in1k", "Did you mean 'timm:resnet18.a1_in1k'?"),  # torchvision has no tags
        ("lite1", "no network 'lite1' can be exported. Did you mean 'lite0'? Known: lite0."),
    ],
)
def test_a_bare_name_is_looked_for_in_every_source(name: str, words: str) -> None:
    assert words in explain_unknown(name, ["lite0"], SOURCES)
