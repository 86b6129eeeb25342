"""Networks of a function of one's own: made again, fed as a file says, refused where they cannot be."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from cnncodes.backbones import Card
from cnncodes.backbones.exporting.sources import find_original
from cnncodes.cli import main
from cnncodes.errors import BackboneError

pytestmark = pytest.mark.slow

FACTS = {
    "description": "mine",
    "licence": "MIT",
    "height": 64,
    "width": 64,
    "resize": 72,
    "interpolation": "bilinear",
    "value_range": [0.0, 1.0],
    "mean": [0.5, 0.4, 0.3],
    "std": [0.2, 0.25, 0.3],
}
NETS = """
from torch import nn
from parts import make_body

print("this goes to stderr")
WIDTH = 8

def make():
    return nn.Sequential(*make_body(WIDTH), nn.Linear(WIDTH, 5))

def make_name():
    return "a network"

def fail():
    raise RuntimeError("no \\n luck")
"""
PARTS = """
from torch import nn

def make_body(width):
    return [nn.Conv2d(3, width, 3, stride=2), nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
            nn.Flatten()]
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a module in a package and its weights elsewhere."""
    import safetensors.torch
    import torch

    monkeypatch.chdir(tmp_path)
    for name in ("lab", "lab.plain", "parts"):  # of an earlier test's folder
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "nets.py").write_text(NETS)
    (tmp_path / "lab" / "parts.py").write_text(PARTS)
    (tmp_path / "lab" / "broken.py").write_text("import no_such_thing\n")
    (tmp_path / "lab" / "raises.py").write_text("1 / 0\n")
    (tmp_path / "lab" / "plain.py").write_text(PARTS + NETS.replace("from parts import make_body", ""))
    (tmp_path / "weights").mkdir()
    net = make_small(torch)
    torch.save(net.state_dict(), tmp_path / "weights" / "w.pth")
    safetensors.torch.save_file(net.state_dict(), tmp_path / "weights" / "w.safetensors")
    (tmp_path / "weights" / "w.card.toml").write_text(tomli_w.dumps(FACTS))
    return tmp_path


def make_small(torch: Any) -> Any:
    from cnncodes.backbones.exporting.weights import randomise

    nn = torch.nn
    body = [nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    net = nn.Sequential(*body, nn.Linear(8, 5)).eval()
    randomise(net, 4)
    return net


def test_a_module_and_a_checkpoint_become_a_backbone_that_is_verified(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "python:lab/nets.py:make@weights/w.safetensors"
    assert main(["models", "export", address, "-o", "out", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["code_size"] == 8 and "this goes to stderr" in captured.err
    card = Card.read(work / "out" / "card.toml")
    assert (card.name, card.description, card.licence) == ("python-nets-make-w", "mine", "MIT")
    assert card.mean == pytest.approx((127.5, 102, 76.5)) and card.std == pytest.approx((51, 63.75, 76.5))
    assert (card.frame.resize, card.frame.interpolation, card.layer) == (72, "bilinear", "input of 5")
    digest = hashlib.sha256((work / "weights" / "w.safetensors").read_bytes()).hexdigest()
    assert card.source_weights == f"w.safetensors, sha256 {digest}"
    assert card.address == "python:nets.py:make@w.safetensors"
    # A card knows no folders: they are said, or the original is made where the module and its weights lie.
    assert main(["models", "verify", "out", "--parity"]) == 1
    said = capsys.readouterr().err
    assert "run this in the folder" in said and "--original ADDRESS with 'python:nets.py:make@w.safe" in said
    assert main(["models", "verify", "out", "--parity", "--original", address, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parity"]["relative_error"] <= 1e-5
    other = address.replace("w.safetensors", "w.pth")
    assert main(["models", "verify", "out", "--parity", "--original", other]) == 1
    assert "is not where 'python-nets-make-w' comes from: expected 'python:nets.py" in capsys.readouterr().err
    assert main(["models", "verify", "out", "--original", address]) == 2
    assert "give --parity, too" in capsys.readouterr().err
    for path in (*(work / "lab").glob("*.py"), *(work / "weights").iterdir()):
        path.rename(work / path.name)
    assert main(["models", "verify", "out", "--parity", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parity"]["relative_error"] <= 1e-5
    (work / "nets.py").write_text(NETS.replace("nn.Linear(WIDTH, 5)", "nn.ReLU(), nn.Linear(WIDTH, 6)"))
    assert main(["models", "verify", "out", "--parity"]) == 1
    assert "does not fit the network: " in capsys.readouterr().err


def test_both_ways_to_name_a_module_and_both_formats_give_the_same_network(work: Path) -> None:
    import torch

    pixels = torch.randn(2, 3, 64, 64)
    expected = make_small(torch)(pixels)
    for address in ("lab.plain:make@weights/w.pth", "lab/nets.py:make@weights/w.safetensors"):
        assert torch.equal(find_original(f"python:{address}").make()(pixels), expected)


def test_a_module_may_bear_the_name_of_another(work: Path) -> None:
    import json as before

    (work / "json.py").write_text(PARTS + NETS.replace("from parts import make_body", ""))
    assert find_original("python:json.py:make@weights/w.pth").make() is not None
    import json as after

    assert before is after and after.dumps({}) == "{}"


def test_random_weights_need_no_checkpoint_and_the_file_lies_beside_the_module(work: Path) -> None:
    with pytest.raises(BackboneError, match=r"lab.plain\.card\.toml'\. Fill in description, licence"):
        find_original("python:lab.plain:make", 3)
    (work / "lab" / "plain.card.toml").write_text(tomli_w.dumps(FACTS))
    for module in ("lab.plain", "lab/plain.py"):
        found = find_original(f"python:{module}:make", 3)
        assert (found.weights, found.random_state) == ("random, drawn from 3", 3)
        assert found.make()(__import__("torch").zeros(1, 3, 64, 64)).shape == (1, 5)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("lab/nets.py:make", "has no weights: give a checkpoint, python:lab/nets.py:make@FILE, or"),
        ("lab/nest.py:make@weights/w.pth", "there is no module 'lab/nest.py': it is no file"),
        ("lab.nest:make@weights/w.pth", "there is no module 'lab.nest' with a file of its own"),
        ("lap.nets:make@weights/w.pth", "there is no module 'lap', neither here nor installed"),
        ("lab/nets.py:made@weights/w.pth", "lab/nets.py has no 'made'. Did you mean 'make'? Known: fail,"),
        ("lab/nets.py:WIDTH@weights/w.pth", "'WIDTH' of lab/nets.py is no function. Got int."),
        ("lab/nets.py:fail@weights/w.pth", "fail() of lab/nets.py raises RuntimeError: no luck."),
        ("lab/nets.py:make_name@weights/w.pth", "must return a torch.nn.Module. Got str."),
        ("lab/parts.py:make_body@weights/w.pth", "raises TypeError: make_body() missing 1 required"),
        ("lab/broken.py:make@weights/w.pth", "lab/broken.py cannot be imported: ModuleNotFoundError: No mod"),
        ("lab/raises.py:make@weights/w.pth", "lab/raises.py cannot be imported: ZeroDivisionError: divis"),
    ],
)
def test_what_cannot_be_built_says_why(work: Path, address: str, words: str) -> None:
    with pytest.raises(BackboneError, match=re.escape(words)) as caught:
        find_original(f"python:{address}").make()
    assert "\n" not in str(caught.value)


def test_a_checkpoint_that_says_nothing_of_how_it_is_fed_gets_a_draft(work: Path) -> None:
    (work / "weights" / "w.card.toml").unlink()
    with pytest.raises(BackboneError, match=r"a draft was written to 'weights.w\.card\.toml'"):
        find_original("python:lab/nets.py:make@weights/w.pth")
    assert (work / "weights" / "w.card.toml").is_file()


def test_a_checkpoint_of_another_network_is_refused(work: Path) -> None:
    import torch

    torch.save({"0.weight": torch.zeros(8, 3, 3, 3)}, work / "weights" / "w.pth")
    with pytest.raises(BackboneError, match=r"does not fit the network: '0\.bias' is missing"):
        find_original("python:lab/nets.py:make@weights/w.pth").make()


@pytest.mark.parametrize("code", ["3", "'no luck'", ""])
def test_a_builder_that_ends_the_program_is_an_error_in_one_line(
    work: Path, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    (work / "w.card.toml").write_text(tomli_w.dumps(FACTS))
    (work / "weights" / "w.pth").rename(work / "w.pth")
    (work / "ends.py").write_text(f"def make():\n    raise SystemExit({code})\n")
    assert main(["models", "export", "python:ends.py:make@w.pth", "-o", "out"]) == 1
    assert re.search(r"make\(\) of ends\.py raises SystemExit", capsys.readouterr().err)
    (work / "ends.py").write_text(f"raise SystemExit({code})\n")
    assert main(["models", "export", "python:ends.py:make@w.pth", "-o", "out"]) == 1
    assert "ends.py cannot be imported: SystemExit" in capsys.readouterr().err


def test_parity_takes_the_facts_from_the_card(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "export", "python:lab/nets.py:make@weights/w.pth", "-o", "out"]) == 0
    for path in (*(work / "lab").glob("*.py"), work / "weights" / "w.pth"):
        path.rename(work / path.name)
    before = sorted(work.iterdir())
    assert main(["models", "verify", "out", "--parity"]) == 0
    assert [path for path in sorted(work.iterdir()) if path.name != "__pycache__"] == before


LOOSE = """
import torch
from torch import nn
from torch.nn import functional as F

class Loose(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        first = nn.Conv2d(3, 8, 3, stride=2)
        self.body = nn.Sequential(first, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(8, 5)
        self.spare = nn.Linear(8, 8) if kind == "spare" else nn.Identity()

    def forward(self, x):
        code = self.body(x)
        if self.kind == "mean":
            code = code - code.mean(0, keepdim=True)
        elif self.kind == "training":
            code = self.body[1:](F.batch_norm(self.body[0](x), None, None, training=True))
        elif self.kind == "even" and x.shape[0] % 2 == 0:
            code = code.reshape(2, -1, 8).flatten(0, 1)
        elif self.kind == "spare":
            code = self.spare(code)
        return self.fc(code)

def plain(): return Loose("plain")
def mean(): return Loose("mean")
def training(): return Loose("training")
def even(): return Loose("even")
def spare(): return Loose("spare")
"""


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("mean", "The network itself gives an image another code in another batch: of what is computed"),
        ("training", "The network itself gives an image another code in another batch: of what is computed"),
        ("even", "What the network computes must not depend on how many images there are"),
    ],
)
def test_a_network_that_depends_on_the_batch_is_told_so(
    work: Path, capsys: pytest.CaptureFixture[str], kind: str, words: str
) -> None:
    (work / "loose.py").write_text(LOOSE)
    (work / "loose.card.toml").write_text(tomli_w.dumps({**FACTS, "height": 32, "width": 32}))
    assert main(["models", "export", f"python:loose.py:{kind}", "--random-weights", "-o", "out"]) == 1
    assert words in capsys.readouterr().err and not (work / "out").exists()


@pytest.mark.parametrize("options", [[], ["--layer", "relu_0"]])
def test_a_checkpoint_may_lack_the_layer_that_is_cut_off_and_no_other(
    work: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    import torch

    (work / "loose.py").write_text(LOOSE)
    net = make_small(torch)
    state = {f"body.{name}": tensor for name, tensor in net.state_dict().items() if name.startswith("0.")}
    torch.save(state, "bare.pth")
    (work / "bare.card.toml").write_text(tomli_w.dumps(FACTS))
    assert main(["models", "export", "python:loose.py:plain@bare.pth", "-o", "bare", *options]) == 0
    assert main(["models", "verify", "bare", "--parity"]) == 0
    # The layer that is last in the list of modules is not the one that is called last.
    torch.save({**state, "fc.weight": torch.ones(5, 8), "fc.bias": torch.ones(5)}, "bare.pth")
    capsys.readouterr()
    assert main(["models", "export", "python:loose.py:spare@bare.pth", "-o", "spare", *options]) == 1
    assert "it has no weights of 'spare', which is no classifier that is cut off." in capsys.readouterr().err
