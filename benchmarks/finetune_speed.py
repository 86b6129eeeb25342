"""What `finetune.py speed` times: epochs from cached features, without them, and as usual loops in torch.

A usual loop reads every picture again, from a DataLoader with the number of workers, 0 to 2, that was fastest
in an epoch before, cuts and mirrors it at random by torchvision, and runs the original network: with what is
trained here and no gradients below it, or whole. Channels are last, and the statistics of batch normalisation
frozen, as here. All start from one head and have the same rates, so that after the rounds, an epoch each, all
are trained alike, and what they came to is measured on the test images.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import itertools
import math
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from embed import PHOTOS, write_photos
from embed_peers import make_network, make_transform
from finetune_setup import label
from gains_data import Data, draw_fashion, open_sample
from PIL import Image

from cnncodes import FineTuning, ViewPlan, load_backbone
from cnncodes.images import ImageRecord, open_source

SIZE = (500, 375)
#: One random view, as an epoch takes one of each image: what a usual loop draws is about that much work.
VIEWS = "flip+translation+rotation+stretching:1"
WORKERS = (0, 1, 2)
ANEW = "computed anew"


class Way(Protocol):
    """A way to train."""

    def train(self, epoch: int) -> None:
        """Train for an epoch."""

    def predict(self) -> Any:
        """Return logits of the test images."""


class Ours:
    """A training of cnncodes."""

    def __init__(self, prepared: Any) -> None:
        self.prepared, self.trainer = prepared, prepared.trainer
        self.trainer.state.base_lr = self.trainer.settings.base_lr
        self.stage = self.trainer.network_stage()
        self.optimizer = self.trainer.make_optimizer(self.stage)

    def train(self, epoch: int) -> None:
        """Train for an epoch."""
        self.trainer.state.epoch, self.trainer.state.step = epoch, 0
        self.trainer.train_epoch(self.stage, self.optimizer)

    def predict(self) -> Any:
        """Return logits of the test images."""
        return self.trainer.predict_final(self.prepared.validation)


class Pictures:
    """A dataset of tensors and classes, as those of torchvision are."""

    def __init__(self, records: Sequence[ImageRecord], y: Sequence[int], transform: Any) -> None:
        self.records, self.y, self.transform = records, y, transform

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, number: int) -> tuple[Any, int]:
        found: Any = self.records[number].read()
        picture = Image.open(io.BytesIO(found)) if isinstance(found, bytes) else Image.fromarray(found)
        return self.transform(picture.convert("RGB")), int(self.y[number])


class Usual:
    """A usual loop in torch, with the weights, head and rates that a training of cnncodes starts from."""

    def __init__(self, ours: Ours, *, everything: bool, workers: int, bf16: bool = False) -> None:
        import torch

        self.settings, prepared = ours.trainer.settings, ours.prepared
        self.kind = torch.bfloat16 if bf16 else None
        names = {name for name, one in ours.trainer.network.upper.named_parameters() if one.requires_grad}
        self.net = make_network.__wrapped__().to(memory_format=torch.channels_last)
        for name, weight in self.net.named_parameters():
            weight.requires_grad_(everything or name.removeprefix("net.") in names)
        self.head = start_head(prepared)
        weights = [weight for weight in self.net.parameters() if weight.requires_grad]
        shares = (self.head.parameters(), 1.0), (weights, self.settings.backbone_lr_mult)
        self.optimizer = torch.optim.AdamW(
            [{"params": list(own), "share": share} for own, share in shares],
            weight_decay=self.settings.weight_decay,
        )
        self.loader = torch.utils.data.DataLoader(
            Pictures(prepared.trained.records, prepared.train.y, vary()),
            batch_size=ours.trainer.batch_size,
            shuffle=True,
            num_workers=workers,
            persistent_workers=workers > 0,
        )
        self.tests = Pictures(prepared.validated.records, prepared.validation.y, make_transform())

    def train(self, epoch: int) -> None:
        """Train for an epoch."""
        import torch

        from cnncodes.finetuning.schedule import rate_at

        settings = self.settings
        for step, (pixels, y) in enumerate(self.loader):
            done = epoch + (step + 0.5) / len(self.loader)
            rate = settings.base_lr * rate_at(done, settings.epochs, settings.warmup_epochs)
            for group in self.optimizer.param_groups:
                group["lr"] = group["share"] * rate
            self.optimizer.zero_grad()
            torch.nn.functional.cross_entropy(self.answer(pixels), y).backward()
            self.optimizer.step()

    def answer(self, pixels: Any) -> Any:
        """Return logits."""
        import torch

        pixels = pixels.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", self.kind, enabled=self.kind is not None):
            return self.head(self.net(pixels)).float()

    def predict(self) -> Any:
        """Return logits of the test images."""
        import torch

        with torch.no_grad():
            loader = torch.utils.data.DataLoader(self.tests, batch_size=32)
            return np.concatenate([self.answer(pixels).numpy() for pixels, _ in loader])


def start_head(prepared: Any) -> Any:
    """Return the head as it was before any epoch."""
    from cnncodes.finetuning.network import LinearModule

    return LinearModule(prepared.head)


def vary() -> Any:
    """Return what usual scripts do to a picture that is trained on."""
    import torch
    from torchvision import transforms

    return transforms.Compose(
        [
            transforms.RandomResizedCrop(224),
            transforms.RandomHorizontalFlip(),
            transforms.PILToTensor(),
            transforms.ConvertImageDtype(torch.float32),
            transforms.Normalize([127 / 255] * 3, [128 / 255] * 3),
        ]
    )


def open_data(args: argparse.Namespace, folder: Path) -> Data:
    """Return the images to train on and to test on."""
    if args.data == "sample":
        return open_sample(args.quick)
    if args.data == "fashion":
        return draw_fashion(args.images, args.test)
    write_photos(folder, args.images + args.test, SIZE)
    photos = [
        dataclasses.replace(record, label=PHOTOS[number % len(PHOTOS)])
        for number, record in enumerate(open_source(folder).records)
    ]
    return Data("photos of 500 x 375", photos[: args.images], photos[args.images :], args.test)


def prepare_ours(args: argparse.Namespace, data: Data, folder: Path, **settings: Any) -> Ours:
    """Return a training of cnncodes before its first epoch."""
    from cnncodes.embedding import Embedder
    from cnncodes.finetuning.preparing import prepare
    from cnncodes.finetuning.task import Listeners, Task

    # As many epochs as there are rounds: the rates fall over them.
    tuning = FineTuning(
        unfreeze=args.unfreeze, epochs=args.rounds, device="cpu", base_lr=args.base_lr, **settings
    )
    embedder = Embedder(load_backbone(args.backbone), ViewPlan.parse("center"))
    plan = ViewPlan.parse(VIEWS, random_state=0)
    task = Task(embedder, plan, "ridge", label(data.train), label(data.test), tuning)
    return Ours(prepare(task, folder, Listeners()))


def list_ways(args: argparse.Namespace, data: Data, folder: Path) -> Iterator[tuple[str, Way]]:
    """Yield the ways to train; of those of bf16 only where ``--precision auto`` would take it."""
    import torch

    from cnncodes.finetuning.device import choose_device

    ours = prepare_ours(args, data, folder / "cached", precision="fp32")
    yield "cached", ours
    yield ANEW, prepare_ours(args, data, folder / "anew", precision="fp32", cache="0")
    usual = "torch, frozen part without gradients"
    yield usual, choose_workers(usual, ours, everything=False)
    yield "torch, whole network", choose_workers("torch, whole network", ours, everything=True)
    if choose_device(FineTuning(device="cpu")).autocast == torch.bfloat16:
        yield "cached, bf16", prepare_ours(args, data, folder / "bf16", precision="bf16")
        yield f"{usual}, bf16", choose_workers(f"{usual}, bf16", ours, everything=False, bf16=True)


def choose_workers(name: str, ours: Ours, **facts: Any) -> Usual:
    """Return a usual loop with the number of workers of which an epoch is fastest."""
    seconds = {}
    for workers in WORKERS:
        tried = Usual(ours, workers=workers, **facts)
        seconds[workers] = clock(tried, 0)
        del tried  # and its workers
    print({name: {f"{workers} workers": round(one, 1) for workers, one in seconds.items()}}, flush=True)
    return Usual(ours, workers=min(seconds, key=seconds.__getitem__), **facts)


def clock(way: Way, epoch: int) -> float:
    """Return the seconds of an epoch."""
    started = time.perf_counter()
    way.train(epoch)
    return time.perf_counter() - started


def measure_speed(args: argparse.Namespace) -> dict[str, Any]:
    """Time an epoch of each way in turns, and say what each has come to."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "photos").mkdir()
        data = open_data(args, place / "photos")
        ways = dict(list_ways(args, data, place))
        rounds: list[dict[str, float]] = []
        for number in range(args.rounds):
            names = list(ways) if number % 2 == 0 else list(ways)[::-1]
            rounds.append({name: clock(ways[name], number) for name in names})
            print({name: round(seconds, 1) for name, seconds in rounds[-1].items()}, flush=True)
        answers = {name: way.predict() for name, way in ways.items()}
        y = ways["cached"].prepared.validation.y  # type: ignore[attr-defined]
    return {
        "data": data.name,
        "images": len(data.train),
        "test": len(y),
        "rounds": args.rounds,
        "unfreeze": args.unfreeze,
        "views": VIEWS,
        "workers": {name: way.loader.num_workers for name, way in ways.items() if isinstance(way, Usual)},
        **summarize_times(rounds, len(data.train)),
        "equal": bool(np.array_equal(answers["cached"], answers[ANEW])),
        "accuracy": describe_answers(answers, y),
    }


def summarize_times(rounds: Sequence[dict[str, float]], count: int) -> dict[str, Any]:
    """Return milliseconds an image, and how many times as long as from the cache each way took."""
    names = sorted(rounds[0])
    middle = {name: statistics.median(found[name] for found in rounds) for name in names}
    ratios: dict[str, dict[str, float]] = {}
    for base, name in itertools.product(names, names):
        if base.startswith("cached") and name != base:
            ratio = statistics.median(found[name] / found[base] for found in rounds)
            ratios.setdefault(base, {})[name] = round(ratio, 2)
    milliseconds = {name: round(1000 * seconds / count, 2) for name, seconds in middle.items()}
    return {"milliseconds": milliseconds, "ratios": ratios}


def describe_answers(answers: dict[str, Any], y: Any) -> dict[str, Any]:
    """Return the accuracy of each way, and by how much it differs from that of the cache."""
    from cnncodes.evaluation.paired import compare_paired
    from cnncodes.evaluation.shares import wilson

    labels = {name: logits.argmax(axis=1) for name, logits in answers.items()}
    return {
        name: {
            **dataclasses.asdict(wilson(int((own == y).sum()), len(y))),
            # Where no answer differs there is no interval, and JSON has no NaN.
            "difference": {
                key: None if math.isnan(value) else value
                for key, value in dataclasses.asdict(compare_paired(y, own, labels["cached"])).items()
            },
        }
        for name, own in labels.items()
    }


if __name__ == "__main__":
    argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="A part of finetune.py, which is run instead. Needs the extras finetune, export (torchvision)"
        " and, for photos, test (scikit-image).",
    ).parse_args()
