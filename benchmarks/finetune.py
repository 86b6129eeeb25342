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

``speed`` times an epoch of the trained part alone, from cached features, against the same with the frozen
part run again, and against epochs as they are usually written in torch: a DataLoader, pictures decoded and
varied anew, the network with the frozen part below what is trained, or trained whole. They take turns, and
each ratio is the median of the rounds' own. It says whether the answers are the same with the cache and
without, and what each way comes to on the test images.

    python benchmarks/finetune.py quality --data fashion --images 1000 --test 1000 --seeds 3
    python benchmarks/finetune.py speed --data photos --images 256 --test 140 --rounds 5
    python benchmarks/finetune.py ways --data sample --epochs 3

Needs the extra finetune and, for the plot, matplotlib (extra report); ``speed`` needs torchvision (extra
export), and for its photos scikit-image (extra test). Fashion-MNIST is Debian's package
dataset-fashion-mnist. Writes ``benchmarks/results/finetune-*.json`` and ``docs/images/finetune-*.png``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from finetune_setup import label, make_judge
from finetune_speed import measure_speed
from finetune_ways import measure_ways
from gains_data import draw_fashion, open_sample

from cnncodes import FineTuning, ViewPlan, load_backbone
from cnncodes.backbones.running.instructions import name_processor
from cnncodes.commands.doctor import count_cores
from cnncodes.commands.finetune import FinetuneOptions

if TYPE_CHECKING:
    from cnncodes.finetuning.task import Task
    from cnncodes.heads.linear import LinearScorer

RESULTS = Path(__file__).parent / "results"
IMAGES = Path(__file__).parents[1] / "docs" / "images"
#: What is staged on four fifths of the images.
HELD_OUT = "staged, a fifth held out"
AT_ONCE = {"freeze_epochs": 0, "backbone_lr_mult": 1.0, "layer_decay": 1.0, "warmup_epochs": 0.0}


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


def measure_quality(args: argparse.Namespace) -> dict[str, Any]:
    """Train in every way with every seed."""
    from cnncodes.embedding import Embedder
    from cnncodes.evaluation.shares import wilson
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
    from cnncodes.evaluation.paired import compare_paired
    from cnncodes.evaluation.shares import wilson
    from cnncodes.finetuning.preparing import prepare
    from cnncodes.finetuning.task import Listeners

    for former in folder.glob("checkpoint.safetensors*"):  # with the one before the last
        former.unlink()
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

    figure, axes = plt.subplots(figsize=(7, 4.6), layout="constrained")
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
    # A random head begins at chance, far below all that is trained.
    trained = (one["accuracy"] for run in result["runs"] for one in run["history"] if one["stage"] != "start")
    axes.set_ylim(bottom=min(trained) - 0.02)
    figure.legend(loc="outside lower center", ncols=3, fontsize="small")  # curves are everywhere in the axes
    figure.savefig(path, dpi=110)


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
        " from the cache, with the frozen part run again, and of usual loops in torch; ways: seconds and"
        " accuracy of the head alone, the last two blocks with and without the cache, and all",
    )
    parser.add_argument(
        "--data",
        choices=("fashion", "sample", "photos"),
        default="fashion",
        help="photos, for speed alone: crops of scikit-image's as JPEG files of 500 x 375 [%(default)s]",
    )
    parser.add_argument("--backbone", default="efficientnet-lite0", help="[%(default)s]")
    counts = (
        ("--images", 1000, "images of Fashion-MNIST, or photos, to train on"),
        ("--test", 1000, "images of Fashion-MNIST, or photos, to test on"),
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
    parser.add_argument("--quick", action="store_true", help="a tenth of the sample")
    parser.add_argument("--json", type=Path, help="file for the figures [in benchmarks/results]")
    parser.add_argument("--plot", type=Path, help="quality: file for the curves [in docs/images]")
    args = parser.parse_args()
    if args.what == "speed" and args.backbone != "efficientnet-lite0":
        parser.error("speed compares with the original network of efficientnet-lite0 alone")
    if args.data == "photos" and args.what != "speed":
        parser.error("--data photos is for speed: of so few photos nothing is to be learned")
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
