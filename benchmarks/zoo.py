"""The table of the zoo in models/README.md: what each network costs, and what a head on its codes is worth.

    python benchmarks/zoo.py --models zoo/            # measures all, writes the figures and the table
    python benchmarks/zoo.py --render                 # writes the table out of the figures of the last run

A network that is neither in the repository nor in the folder `--models` is exported to that first (extra
``export``). Images a second are those of the network alone on pixels in memory, in batches of 8, with two
lanes of one thread on two cores; all networks and precisions run in turn, `--rounds` times, and the medians
count. The head is ``logistic`` on the codes of the picture's centre; Fashion-MNIST is Debian's package
``dataset-fashion-mnist``. Int8 is measured where the network's folder has such a file.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cnncodes import load_backbone
from cnncodes.backbones import Backbone, Card, models_folder
from cnncodes.backbones.exporting.zoo_networks import ORIGINALS
from cnncodes.errors import BackboneError

NEEDS = "Needs onnx and torch (extra export); Fashion-MNIST: Debian's package dataset-fashion-mnist."

RESULTS = Path(__file__).parent / "results/zoo.json"
README = models_folder() / "README.md"
BEGIN, END = "<!-- the zoo's table: benchmarks/zoo.py -->", "<!-- end of the zoo's table -->"

#: Top-1 accuracy on ImageNet's validation images of the whole network, as its authors give it.
TOP1 = {"efficientnet-lite0": 75.1, "efficientnet-lite1": 76.7, "efficientnet-lite2": 77.6}
TOP1_SOURCE = (
    "[the authors' README](https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite)"
)

BATCH, CORES = 8, 2
#: Operators whose multiply-adds are counted.
COUNTED = ("Conv", "Gemm", "MatMul")
PRECISIONS = ("fp32", "int8")
TRAIN, TEST = 2000, 2000

COLUMNS = (
    "network",
    "file, MB",
    "GFLOP",
    "code",
    "top-1 on ImageNet, %",
    "images/s, fp32",
    "images/s, int8",
    "head on Fashion-MNIST, %",
)


def describe(folder: Path) -> dict[str, Any]:
    """Return the figures of a network that depend on no machine."""
    card = Card.read(folder / "card.toml")
    model = (folder / card.model_file).read_bytes()
    operations = count_multiply_adds(model, card.frame.height, card.frame.width)
    return {
        "bytes": len(model),
        "flop": 2 * operations,
        "code_size": card.code_size,
        "frame": [card.frame.height, card.frame.width],
    }


def count_multiply_adds(model: bytes, height: int, width: int) -> int:
    """Return the multiply-adds of one image.

    Convolutions, ``Gemm`` and ``MatMul`` are counted, as published figures have it; activations,
    normalisation and pooling are not.

    Parameters
    ----------
    model : bytes
        An ONNX file with images of shape [batch, height, width, 3] as its input.
    height, width : int

    Raises
    ------
    BackboneError
        If the shapes do not follow from that of the image.
    """
    import onnx

    graph = onnx.load_from_string(model)
    dims = graph.graph.input[0].type.tensor_type.shape.dim
    for dim, length in zip(dims, (1, height, width), strict=False):
        dim.dim_value = length
    # A name for a free batch at the output would contradict the 1.
    graph.graph.output[0].type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(graph, data_prop=True).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in inferred.initializer}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        shapes[value.name] = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
    return sum(_count_node(node, shapes) for node in inferred.node if node.op_type in COUNTED)


def _count_node(node: Any, shapes: dict[str, tuple[int, ...]]) -> int:
    """Return the multiply-adds of one node: the numbers of its output times the products in each."""
    output = shapes.get(node.output[0], ())
    weights = shapes.get(node.input[1], ())
    if not output or not weights or min(*output, *weights) < 1:
        raise BackboneError(
            f"how much {node.name!r} computes cannot be counted: its shapes {output} and {weights} are open."
        )
    if node.op_type == "Conv":
        products = math.prod(weights[1:])  # channels of a group, kernel
    elif node.op_type == "Gemm":
        transposed = any(item.name == "transB" and item.i for item in node.attribute)
        products = weights[1] if transposed else weights[0]
    else:
        products = weights[-2] if len(weights) > 1 else weights[0]
    return math.prod(output) * products


def format_figures(row: dict[str, Any]) -> list[str]:
    """Return the cells of those figures."""
    return [f"{row['bytes'] / 1e6:.1f}", f"{row['flop'] / 1e9:.2f}", str(row["code_size"])]


def format_table(report: dict[str, Any]) -> str:
    """Return the table and what has to be known of it, as Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [_format_row(name, row) for name, row in report["networks"].items()]
    head = next(iter(report["networks"].values()))["head"]
    lines += [
        "",
        "GFLOP are two for each multiply-add of convolutions and matrix products, on one image of the"
        f" network's size. Top-1 is that of {TOP1_SOURCE}. Images a second are those of the network alone, on"
        f" {report['cores']} cores of {report['processor']}, in one run of all, median of {report['rounds']}"
        f" rounds. The head is `logistic` on codes of {report['train']} images, tested on {head['n']} others,"
        " with the 95 % interval.",
    ]
    return "\n".join(lines)


def _format_row(name: str, row: dict[str, Any]) -> str:
    rates = [f"{row['rates'][p]:.0f}" if p in row["rates"] else "–" for p in PRECISIONS]
    head = row["head"]
    worth = f"{100 * head['value']:.1f} ({100 * head['low']:.1f} to {100 * head['high']:.1f})"
    return f"| {' | '.join([name, *format_figures(row), str(TOP1[name]), *rates, worth])} |"


def write_table(report: dict[str, Any], readme: Path = README) -> None:
    """Put the table between its two comments."""
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{readme} lacks the comments {BEGIN!r} and {END!r}")
    readme.write_text(f"{before}{BEGIN}\n{format_table(report)}\n{END}{after}", encoding="utf-8")


def find_or_export(name: str, models: Path) -> Path:
    """Return the folder of a network, exporting it where it is missing."""
    for folder in (models_folder() / name, models / name):
        if (folder / "card.toml").is_file():
            return folder
    from cnncodes.backbones.exporting.export import export_backbone

    print(f"exporting {name} to {models / name}")
    export_backbone(name, models / name)
    return models / name


def load_precisions(folder: Path) -> dict[str, Backbone]:
    """Return the network in each precision that its folder has."""
    loaded = {"fp32": load_backbone(folder)}
    if "int8" in loaded["fp32"].card.precisions:
        loaded["int8"] = load_backbone(folder, precision="int8")
    return loaded


def measure_rates(networks: dict[str, dict[str, Backbone]], rounds: int, images: int) -> dict[str, Any]:
    """Return images a second of each network and precision, which run in turn."""
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for name, precisions in networks.items():
            for precision, backbone in precisions.items():
                found.setdefault((name, precision), []).append(_measure_rate(backbone, images))
    return {name: {p: statistics.median(found[name, p]) for p in networks[name]} for name in networks}


def _measure_rate(backbone: Backbone, images: int) -> float:
    from cnncodes.embedding import run_lanes

    shape = (BATCH, backbone.frame.height, backbone.frame.width, 3)
    batch = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    def work(batches: Sequence[int]) -> list[int]:
        return [len(backbone.run(batch)) for _ in batches]

    backbone.run(batch)
    started = time.perf_counter()
    done = sum(run_lanes(work, range(-(-images // BATCH)), CORES))
    return done / (time.perf_counter() - started)


def measure_head(backbone: Backbone, train: int, test: int) -> dict[str, Any]:
    """Return the accuracy of a head on codes of Fashion-MNIST's pictures, with its interval."""
    from gains_data import draw_fashion

    from cnncodes import ImageClassifier
    from cnncodes.evaluation.shares import wilson

    data = draw_fashion(train, test)
    classifier = ImageClassifier(backbone, train_views="center", test_views="center", n_jobs=CORES)
    classifier.fit_records(data.train)
    answers = classifier.predict([record.read() for record in data.test])
    right = sum(str(a) == r.label for a, r in zip(answers, data.test, strict=True))
    return asdict(wilson(right, len(data.test)))


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of all networks."""
    from cnncodes.backbones.running.instructions import name_processor

    cores = sorted(os.sched_getaffinity(0))[:CORES] if hasattr(os, "sched_setaffinity") else []
    if cores:
        os.sched_setaffinity(0, cores)
    folders = {name: find_or_export(name, args.models) for name in ORIGINALS}
    loaded = {name: load_precisions(folder) for name, folder in folders.items()}
    rates = measure_rates(loaded, args.rounds, args.images)
    networks = {}
    for name, folder in folders.items():
        head = measure_head(loaded[name]["fp32"], args.train, args.test)
        networks[name] = {**describe(folder), "rates": rates[name], "head": head}
        print(_format_row(name, networks[name]), flush=True)
    return {
        "processor": name_processor(),
        "cores": CORES,
        "rounds": args.rounds,
        "train": args.train,
        "networks": networks,
    }


def main() -> None:
    """Measure, write the figures, and write the table out of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=NEEDS)
    parser.add_argument("--models", type=Path, default=Path("zoo"), help="folder of further networks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=128, help="in each round")
    parser.add_argument("--train", type=int, default=TRAIN)
    parser.add_argument("--test", type=int, default=TEST)
    parser.add_argument("--render", action="store_true", help="measure nothing: the last run's figures")
    args = parser.parse_args()
    if not args.render:
        RESULTS.write_text(json.dumps(measure(args), indent=1) + "\n", encoding="utf-8")
    write_table(json.loads(RESULTS.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
