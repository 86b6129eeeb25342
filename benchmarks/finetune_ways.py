"""What `finetune.py ways` compares: the head alone, and networks of which more and more is trained."""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from finetune_setup import label, make_judge
from gains_data import draw_fashion, open_sample

from cnncodes import FineTuning, ViewPlan, load_backbone

if TYPE_CHECKING:
    from cnncodes.finetuning.task import Task


def measure_ways(args: argparse.Namespace) -> dict[str, Any]:
    """Train in ways that cost more and more, each once, and measure them on the test images."""
    from cnncodes.embedding import Embedder
    from cnncodes.evaluation.shares import wilson
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
    from cnncodes.evaluation.shares import wilson
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


if __name__ == "__main__":
    argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="A part of finetune.py, which is run instead. Needs the extra finetune.",
    ).parse_args()
