"""What fine-tuning gains, why the order of its stages matters, and what the cache of frozen features saves.

``quality`` trains in several ways on the same images, with several seeds of the order and of what is drawn:
staged, as cnncodes does by default; all at once with one rate, from the head; the same with a tenth of that
rate; all at once from a head of small random weights; and staged on four fifths of the images, which is all
that a network learns from where it is not trained once more. Nothing is chosen: there are two epochs with the
head alone where there are stages, and the weights are those of the last epoch.
Accuracy is that of the test images, with paired intervals against the head that ``cnncodes fit`` gives.

``ways`` trains the head alone, the last two blocks from the cache, the same without a cache, and the whole
network, for so many epochs each, and says what each takes and comes to, and whether the answers are the same
with the cache and without.

``speed`` times an epoch of the trained part alone, from cached features, against an epoch of the same
training as torch usually does it: decode, whole network, backward through the trained part. They take turns,
and the ratio is the median of the rounds' own.

    python benchmarks/finetune.py quality --data fashion --images 1000 --test 1000 --seeds 3
    python benchmarks/finetune.py speed --images 256 --rounds 3
    python benchmarks/finetune.py ways --data sample --epochs 3

Needs the extra finetune and, for the plot, matplotlib (extra report); Fashion-MNIST is Debian's package
dataset-fashion-mnist. Writes ``benchmarks/results/finetune-*.json`` and ``docs/images/finetune-*.png``.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from gains_data import draw_fashion, open_sample

from cnncodes import FineTuning, ViewPlan, load_backbone
from cnncodes.backbones.running.instructions import name_processor
from cnncodes.commands.doctor import count_cores
from cnncodes.commands.finetune import FinetuneOptions

if TYPE_CHECKING:
    from cnncodes.embedding import Embedder
    from cnncodes.finetuning.examples import Labelled
    from cnncodes.finetuning.judging import Judge
    from cnncodes.finetuning.stages import Stage
    from cnncodes.finetuning.task import Task
    from cnncodes.heads.linear import LinearScorer
    from cnncodes.images import ImageRecord

RESULTS = Path(__file__).parent / "results"
IMAGES = Path(__file__).parents[1] / "docs" / "images"
#: Of the head alone, where there are stages.
HEAD_EPOCHS = 2
#: What is staged on four fifths of the images.
HELD_OUT = "staged, a fifth held out"
AT_ONCE = {"freeze_epochs": 0, "backbone_lr_mult": 1.0, "layer_decay": 1.0, "warmup_epochs": 0.0}


def label(records: Sequence[ImageRecord]) -> Labelled:
    """Return records with their labels and contents."""
    from cnncodes.finetuning.examples import Labelled
    from cnncodes.finetuning.features import hash_contents

    y = np.array([str(record.label) for record in records])
    return Labelled(list(records), y, hash_contents(records)[0])


def list_variants(rate: float) -> dict[str, dict[str, Any]]:
    """Return the settings of each way to train."""
    return {
        "staged": {},
        "all at once, one rate": AT_ONCE,
        "all at once, one low rate": {**AT_ONCE, "base_lr": rate / 10},
        "all at once, random head": AT_ONCE,
        HELD_OUT: {},
    }


def draw_head(classes: Sequence[str], size: int, seed: int) -> LinearScorer:
    """Return a head of small random weights, as torch starts a linear layer."""
    from cnncodes.heads.linear import LinearScorer

    rng = np.random.default_rng(seed)
    bound = 1 / np.sqrt(size)
    shape = (len(classes), size) if len(classes) > 2 else (1, size)
    return LinearScorer(
        rng.uniform(-bound, bound, shape), rng.uniform(-bound, bound, shape[0]), np.array(classes)
    )


def make_judge(judge: Judge) -> Judge:
    """Return a judge that chooses nothing: every epoch is kept, and stages have a fixed length."""
    from cnncodes.finetuning.history import DIVERGED, HEAD_STAGE, EpochFigures
    from cnncodes.finetuning.judging import Judge

    class Onlooker(Judge):
        def measure(self, *args: Any, **facts: Any) -> EpochFigures:
            found = super().measure(*args, **facts)
            return dataclasses.replace(found, kept=found.verdict != DIVERGED)

        def is_over(self, stage: Stage, epoch: int, *rest: Any) -> bool:
            return epoch >= (min(HEAD_EPOCHS, stage.epochs) if stage.name == HEAD_STAGE else stage.epochs)

    return Onlooker(judge.examples, judge.head, judge.patience, judge.groups)


def measure_quality(args: argparse.Namespace) -> dict[str, Any]:
    """Train in every way with every seed."""
    from cnncodes.embedding import Embedder
    from cnncodes.evaluation.intervals import wilson
    from cnncodes.finetuning.examples import split_validation
    from cnncodes.finetuning.task import Task

    data = open_sample(args.quick) if args.data == "sample" else draw_fashion(args.images, args.test)
    images, test = label(data.train), label(data.test)
    embedder = Embedder(load_backbone(args.backbone), ViewPlan.parse("flip"))
    plan = ViewPlan.parse(args.views, random_state=0)
    base = {"epochs": args.epochs, "unfreeze": args.unfreeze, "base_lr": args.base_lr}
    runs: list[dict[str, Any]] = []
    answers: Any = None
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(args.seeds):
            for name, changes in list_variants(args.base_lr).items():
                settings = FineTuning(**{**base, "random_state": seed, **changes})
                train, place = images, Path(folder)
                if name == HELD_OUT:
                    train, place = split_validation(images, 0.2, seed)[0], Path(folder, f"fifth-{seed}")
                task = Task(embedder, plan, "logistic", train, test, settings)
                if name.endswith("random head"):
                    classes = sorted(set(images.y))
                    head = draw_head(classes, embedder.backbone.code_size, seed)
                    task = dataclasses.replace(task, start=head)
                run, answers = train_once(task, place, answers)
                runs.append({"variant": name, "seed": seed, **run})
                print(
                    json.dumps({key: value for key, value in runs[-1].items() if key != "history"}),
                    flush=True,
                )
    right = int((answers == np.unique(test.y, return_inverse=True)[1]).sum())
    return {
        "data": data.name,
        "trained": len(images.y),
        "test": len(test.y),
        "views": args.views,
        "unfreeze": args.unfreeze,
        "epochs": args.epochs,
        "base_lr": args.base_lr,
        "head": dataclasses.asdict(wilson(right, len(test.y))),
        "runs": runs,
    }


def train_once(task: Task, folder: Path, head: Any) -> tuple[dict[str, Any], Any]:
    """Train from features that are there already, but the first time.

    Returns what it came to, and the answers of the head: those given, or else of the one that it starts from.
    """
    from cnncodes.evaluation.intervals import wilson
    from cnncodes.evaluation.metrics import compare_paired
    from cnncodes.finetuning.preparing import prepare
    from cnncodes.finetuning.task import Listeners

    (folder / "checkpoint.safetensors").unlink(missing_ok=True)
    prepared = prepare(task, folder, Listeners())
    judge, trainer = prepared.judge, prepared.trainer
    trainer.guide = make_judge(judge)
    started = time.perf_counter()
    history = trainer.run()
    seconds = time.perf_counter() - started
    y = judge.examples.y
    answers = trainer.predict_final(judge.examples).argmax(axis=1)
    head = judge.head if head is None else head
    prepared.basis.store.close()
    run = {
        "accuracy": dataclasses.asdict(wilson(int((answers == y).sum()), len(y))),
        "difference": dataclasses.asdict(compare_paired(y, answers, head, groups=judge.groups)),
        "seconds": round(seconds, 1),
        "history": [one.to_dict() for one in history],
    }
    return run, head


def summarize(result: dict[str, Any]) -> str:
    """Return the table of the ways to train: the mean over the seeds, and the least and the greatest."""
    from cnncodes.evaluation.intervals import Estimate

    head = Estimate(**result["head"])
    lines = [
        f"{result['data']}: {result['trained']} images trained on, {result['test']} tested on; head"
        f" {head.value:.4f} [{head.low:.4f}, {head.high:.4f}]",
        "",
        "| Training | Accuracy | Gain over the head in points, each seed [95 % interval] | Seconds |",
        "|---|---|---|---|",
        f"| head alone | {head.value:.3f} | | |",
    ]
    for name in dict.fromkeys(run["variant"] for run in result["runs"]):
        runs = [run for run in result["runs"] if run["variant"] == name]
        mean = statistics.mean(run["accuracy"]["value"] for run in runs)
        gains = "; ".join(
            "{:+.1f} [{:+.1f}, {:+.1f}]".format(
                *(100 * run["difference"][key] for key in ("value", "low", "high"))
            )
            for run in runs
        )
        seconds = statistics.median(run["seconds"] for run in runs)
        lines.append(f"| {name} | {mean:.3f} | {gains} | {seconds:.0f} |")
    return "\n".join(lines)


def plot(result: dict[str, Any], path: Path) -> None:
    """Draw accuracy on the test images over the epochs, a line a seed."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for number, name in enumerate(dict.fromkeys(run["variant"] for run in result["runs"])):
        for run in (run for run in result["runs"] if run["variant"] == name):
            # The epochs of the head alone lie before 0.
            heads = sum(one["stage"] == "head" for one in run["history"])
            places = np.arange(len(run["history"])) - heads
            accuracies = [one["accuracy"] for one in run["history"]]
            axes.plot(
                places, accuracies, color=f"C{number}", alpha=0.8, label=name if run["seed"] == 0 else None
            )
    start = result["head"]["value"]
    axes.axhline(start, color="0.4", linestyle=":", label="head alone")
    axes.axvline(0, color="0.8", linewidth=0.8)
    axes.set_xlabel("epochs with the backbone; before 0 those of the head alone")
    axes.set_ylabel(f"accuracy on {result['test']:,} test images")
    axes.set_title(f"{result['data']}, {result['trained']:,} training images")
    axes.set_ylim(bottom=max(0.0, start - 0.12))
    axes.legend(loc="lower right", fontsize="small")
    figure.savefig(path, dpi=110)


def measure_ways(args: argparse.Namespace) -> dict[str, Any]:
    """Train in ways that cost more and more, each once, and measure them on the test images."""
    from cnncodes.embedding import Embedder
    from cnncodes.evaluation.intervals import wilson
    from cnncodes.finetuning.task import Task

    data = open_sample(args.quick) if args.data == "sample" else draw_fashion(args.images, args.test)
    images, test = label(data.train), label(data.test)
    embedder = Embedder(load_backbone(args.backbone), ViewPlan.parse("flip"))
    seconds, right = fit_head(data)
    rows = [{"way": "head alone", "seconds": seconds, **dataclasses.asdict(wilson(right, len(test.y)))}]
    print(json.dumps(rows[-1]), flush=True)
    answers: dict[str, Any] = {}
    for name, unfreeze, cache in (
        ("last:2, from the cache", "last:2", "10G"),
        ("last:2, without a cache", "last:2", "0"),
        ("all", "all", "10G"),
    ):
        settings = FineTuning(
            unfreeze=unfreeze, cache=cache, epochs=args.epochs, freeze_epochs=0, base_lr=args.base_lr
        )
        task = Task(embedder, ViewPlan.parse(args.views, random_state=0), "logistic", images, test, settings)
        with tempfile.TemporaryDirectory() as folder:
            row, answers[name] = train_way(task, Path(folder))
        rows.append({"way": name, **row})
        print(json.dumps(rows[-1]), flush=True)
    cached, anew = (answers[name] for name in list(answers)[:2])
    return {
        "data": data.name,
        "trained": len(images.y),
        "test": len(test.y),
        "views": args.views,
        "epochs": args.epochs,
        "equal": bool(np.array_equal(cached, anew)),
        "rows": rows,
    }


def fit_head(data: Any) -> tuple[float, int]:
    """Fit a head as ``cnncodes fit`` does; return seconds, with those of the codes, and its right answers."""
    from cnncodes import ImageClassifier

    started = time.perf_counter()
    head = ImageClassifier(train_views="flip", test_views="flip").fit_records(data.train)
    seconds = round(time.perf_counter() - started, 1)
    answers = head.predictor_.predict_records(data.test).labels
    return seconds, sum(str(answers[i]) == str(one.label) for i, one in enumerate(data.test))


def train_way(task: Task, folder: Path) -> tuple[dict[str, Any], Any]:
    """Train; return seconds before the first epoch, of an epoch and of all, the accuracy, and the logits."""
    from cnncodes.evaluation.intervals import wilson
    from cnncodes.finetuning.preparing import prepare
    from cnncodes.finetuning.task import Listeners

    started = time.perf_counter()
    prepared = prepare(task, folder, Listeners())
    before, trainer = time.perf_counter() - started, prepared.trainer
    trainer.guide = make_judge(prepared.judge)
    epochs = [one.seconds for one in trainer.run() if one.stage == "network"]
    total = time.perf_counter() - started
    logits = trainer.predict_final(prepared.validation)
    right = int((logits.argmax(axis=1) == prepared.validation.y).sum())
    prepared.basis.store.close()
    row = {
        "seconds": round(total, 1),
        "before": round(before, 1),
        "epoch": round(statistics.median(epochs), 1),
        **dataclasses.asdict(wilson(right, len(logits))),
    }
    return row, logits


def measure_speed(args: argparse.Namespace) -> dict[str, Any]:
    """Time an epoch from cached features, and one of the same training as torch usually does it."""
    from cnncodes.embedding import Embedder

    images = label(draw_fashion(args.images, 10).train)
    embedder = Embedder(load_backbone(args.backbone), ViewPlan.parse("center"))
    ways = make_epochs(embedder, images, args)
    rounds: list[dict[str, float]] = []
    for number in range(args.rounds):
        names = list(ways) if number % 2 == 0 else list(ways)[::-1]
        found = {}
        for name in names:
            started = time.perf_counter()
            ways[name]()
            found[name] = time.perf_counter() - started
        rounds.append(found)
        print({name: round(seconds, 1) for name, seconds in found.items()}, flush=True)
    per_image = {
        name: round(1000 * statistics.median(found[name] for found in rounds) / args.images, 2)
        for name in ways
    }
    ratios = {
        name: round(statistics.median(found[name] / found["cached"] for found in rounds), 2)
        for name in ways
        if name != "cached"
    }
    return {"images": args.images, "unfreeze": args.unfreeze, "milliseconds": per_image, "ratios": ratios}


def make_epochs(
    embedder: Embedder, images: Labelled, args: argparse.Namespace
) -> dict[str, Callable[[], Any]]:
    """Return an epoch of each way; they share the weights that they start from and nothing else."""
    import torch

    from cnncodes.finetuning.loading import load_graph_module
    from cnncodes.finetuning.preparing import prepare
    from cnncodes.finetuning.task import Listeners, Task

    settings = FineTuning(unfreeze=args.unfreeze, epochs=1, device="cpu", precision="fp32")
    found: dict[str, Callable[[], Any]] = {}
    for name, cache in (("cached", "10G"), ("computed anew", "0")):
        task = Task(
            embedder,
            ViewPlan.parse("center"),
            "ridge",
            images,
            images.take(np.arange(10)),
            dataclasses.replace(settings, cache=cache),
        )
        trainer = prepare(task, Path(tempfile.mkdtemp()), Listeners()).trainer
        found[name] = functools.partial(train_here, trainer)
    for name, everything in (("torch, frozen part without gradients", False), ("torch, whole network", True)):
        module = load_graph_module(embedder.backbone)
        chosen = {key for key, weight in trainer.network.upper.named_parameters() if weight.requires_grad}
        for key, weight in module.named_parameters():
            weight.requires_grad_(everything or key in chosen)
        head = torch.nn.Linear(embedder.backbone.code_size, 10)
        found[name] = functools.partial(train_in_torch, module, head, embedder, images, trainer.batch_size)
    return found


def train_here(trainer: Any) -> None:
    """Train for an epoch as cnncodes does."""
    stage = trainer.network_stage()
    trainer.state.step = 0
    trainer.train_epoch(stage, trainer.make_optimizer(stage))


def train_in_torch(module: Any, head: Any, embedder: Embedder, images: Labelled, size: int) -> None:
    """Train for an epoch as a usual script does, decoding in the lanes that embedding has."""
    import torch

    from cnncodes.embedding import run_lanes

    weights = [weight for weight in module.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW([*weights, *head.parameters()], lr=1e-6)
    targets = torch.from_numpy(np.unique(images.y, return_inverse=True)[1])
    cutter = embedder.cutter

    def cut(records: Sequence[ImageRecord]) -> list[Any]:
        return [cutter.work(record.read(), "")[1][0] for record in records]

    waiting: list[Any] = []
    done = 0
    for patch in run_lanes(cut, images.records, None):
        waiting.append(patch)
        if len(waiting) == size or done + len(waiting) == len(images.records):
            optimizer.zero_grad()
            logits = head(module(torch.from_numpy(np.stack(waiting))))
            torch.nn.functional.cross_entropy(logits, targets[done : done + len(waiting)]).backward()
            optimizer.step()
            done += len(waiting)
            waiting = []


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="Fashion-MNIST is Debian's package dataset-fashion-mnist. Needs the extra finetune.",
    )
    parser.add_argument(
        "what",
        choices=("quality", "speed", "ways"),
        help="quality: accuracy and gain of five ways to train, for each seed; speed: seconds of an epoch"
        " from the cache, with the frozen part run again, and of the whole network; ways: seconds and"
        " accuracy of the head alone, the last two blocks with and without the cache, and all",
    )
    parser.add_argument("--data", choices=("fashion", "sample"), default="fashion", help="[%(default)s]")
    parser.add_argument("--backbone", default="efficientnet-lite0", help="[%(default)s]")
    counts = (
        ("--images", 1000, "images of Fashion-MNIST to train on"),
        ("--test", 1000, "images of Fashion-MNIST to test on"),
        ("--seeds", 3, "quality: how many seeds"),
        ("--epochs", FineTuning().epochs, "quality, ways: epochs with the backbone"),
        ("--rounds", 3, "speed: how often each way takes its turn"),
    )
    for name, default, text in counts:
        parser.add_argument(name, type=int, default=default, metavar="N", help=f"{text} [%(default)s]")
    rate = float(FineTuning().base_lr)
    parser.add_argument("--base-lr", type=float, default=rate, help="rate of the head [%(default)s]")
    parser.add_argument("--unfreeze", default=FineTuning().unfreeze, help="what is trained [%(default)s]")
    parser.add_argument("--views", default=FinetuneOptions.train_views, help="of training [%(default)s]")
    parser.add_argument("--quick", action="store_true", help="quality, ways: a tenth of the sample")
    parser.add_argument("--json", type=Path, help="file for the figures [in benchmarks/results]")
    parser.add_argument("--plot", type=Path, help="quality: file for the curves [in docs/images]")
    args = parser.parse_args()
    machine = {"processor": name_processor(), "cores": count_cores()}
    measure = {"quality": measure_quality, "speed": measure_speed, "ways": measure_ways}[args.what]
    result = {**measure(args), **machine}
    name = f"finetune-{args.data if args.what == 'quality' else args.what}"
    (args.json or RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    if args.what == "quality":
        print(summarize(result))
        plot(result, args.plot or IMAGES / f"{name}.png")
    else:
        print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
