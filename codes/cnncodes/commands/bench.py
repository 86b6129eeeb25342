"""``cnncodes bench``: what a network does a second on this machine, by provider and precision."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnncodes.choices import BACKBONE
from cnncodes.commands import common, inputs
from cnncodes.commands.command import Command, Result
from cnncodes.commands.precision_pictures import choose_pictures
from cnncodes.commands.reporter import Reporter
from cnncodes.commands.tables import format_table
from cnncodes.errors import (
    BackboneError,
    CnnCodesError,
    CostWarning,
    ProviderError,
    SourceError,
    count,
    sentence,
)
from cnncodes.schema import option

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cnncodes.backbones import Frame
    from cnncodes.images import ImageRecord

_ROUNDS = 3

#: Codes of a lower cosine with those of the network's first file are called far from them.
NEAR = 0.99


@dataclass(frozen=True, kw_only=True)
class BenchOptions(common.SourceOptions):
    """Options of ``cnncodes bench``."""

    src: str | None = option(
        "Images to measure reading and decoding on as well, and to compare codes on: both together are the"
        " limit of a job.",
        default=None,
        metavar="SRC",
    )
    backbone: str = option(common.HELP_BACKBONE, default=BACKBONE, metavar="NAME")
    provider: str | None = option(
        "Only these, A,B: cpu, cuda, cuda:1, openvino, … [all that the runtime lists]",
        default=None,
        metavar="NAME",
        check=common.check_provider,
    )
    images: int = option(
        "Images of the source to decode.", default=256, metavar="N", check=common.check_positive
    )


def run_bench(options: BenchOptions, reporter: Reporter) -> Result:
    """Measure the network on each provider in each precision, and decoding where there are images."""
    from cnncodes.embedding import count_lanes

    lanes = count_lanes(options.n_jobs)
    compared = choose_pictures(options.backbone, options.src, options)
    rows, faults = _measure_networks(options, reporter, compared.patches)
    if not rows:
        raise BackboneError(f"nothing runs {options.backbone!r}: {'; '.join(faults)}")
    decoding = _measure_decoding(options, reporter)
    for row in rows:
        row["limit"] = _compose(row["rate"], decoding["exact"]) if decoding else None
        row["limit_fast"] = _compose(row["rate"], decoding["fast"]) if decoding else None
    best = max(rows, key=lambda row: row["rate"])
    near = [row for row in rows if row["cosine"] >= NEAR]
    return {
        "backbone": options.backbone,
        "lanes": lanes,
        "networks": rows,
        "decoding": decoding,
        "not_run": faults,
        "compared": {"images": len(compared.patches), "of": compared.of, "with": compared.precision},
        "fastest": _name_setting(best),
        "fastest_near": _name_setting(max(near, key=lambda row: row["rate"])) if near else None,
    }


def _name_setting(row: Result) -> Result:
    return {key: row[key] for key in ("provider", "precision", "batch_size", "cosine")}


def _measure_networks(
    options: BenchOptions, reporter: Reporter, photos: npt.NDArray[np.uint8]
) -> tuple[list[Result], list[str]]:
    from cnncodes.backbones import Card, find_backbone, load_backbone
    from cnncodes.backbones.running.providers import NAMES, Provider
    from cnncodes.backbones.running.runtime import list_providers

    card = Card.read(find_backbone(options.backbone) / "card.toml")
    names = options.provider.split(",") if options.provider else list_providers()
    expected = load_backbone(options.backbone).run(photos)  # what all the others are compared with
    rows: list[Result] = []
    faults: list[str] = []
    for name in names:
        before = len(rows)
        provider = Provider.parse(name)
        precisions = [card.precision, *card.precisions]
        if provider.name == NAMES["openvino"] and card.precision == "fp32":
            precisions.append("bf16")
        for precision in precisions:
            try:
                rows.append(_measure_network(options, provider, precision, reporter, photos, expected))
            except CnnCodesError as error:
                faults.append(f"{provider} with {precision}: {error}".rstrip("."))
                if isinstance(error, ProviderError):
                    break
        if options.provider and len(rows) == before:  # what was asked for by name has to run
            raise BackboneError(f"{'; '.join(faults)}.")
    return rows, faults


def _measure_network(
    options: BenchOptions, provider: Any, precision: str, reporter: Reporter, photos: Any, expected: Any
) -> Result:
    import numpy as np

    from cnncodes.backbones import load_backbone
    from cnncodes.backbones.checking.parity import compare_each
    from cnncodes.embedding import count_lanes
    from cnncodes.embedding.tuning import CPU_BATCHES, DEVICE_BATCHES, choose, measure_rates

    reporter.note(f"measuring {precision} on {provider}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CostWarning)  # what it costs is what is measured
        backbone = load_backbone(options.backbone, precision=precision, providers=(provider,))
        cosines = compare_each(backbone.run(photos), expected)
    lanes = count_lanes(options.n_jobs)
    sizes = DEVICE_BATCHES if provider.is_device else CPU_BATCHES
    rates = measure_rates(backbone, [(size, lanes) for size in sizes])
    size = choose(sizes, rates)
    return {
        "provider": str(provider),
        "precision": precision,
        "batch_size": size,
        "rate": round(rates[sizes.index(size)], 1),
        "rates": {str(one): round(rate, 1) for one, rate in zip(sizes, rates, strict=True) if rate},
        "cosine": round(float(np.median(cosines)), 5),
        "lowest_cosine": round(float(np.min(cosines)), 5),
    }


def _measure_decoding(options: BenchOptions, reporter: Reporter) -> dict[str, Any] | None:
    """Return images a second that are read, decoded and cut, exactly and fast; the median of rounds."""
    import statistics

    from cnncodes.backbones import Card, find_backbone
    from cnncodes.embedding import run_lanes

    if options.src is None:
        return None
    frame = Card.read(find_backbone(options.backbone) / "card.toml").frame
    records = inputs.open_images(options.src, options).records[: options.images]
    reporter.note(f"decoding {count(len(records), 'image')} of {options.src}")

    rates: dict[str, list[float]] = {"exact": [], "fast": []}
    for _ in range(_ROUNDS):
        for mode, mine in rates.items():
            started = time.perf_counter()
            readable = sum(
                count > 0 for count in run_lanes(_make_cutter(mode, frame), records, options.n_jobs)
            )
            mine.append(readable / (time.perf_counter() - started))
    if not readable:
        raise SourceError(f"none of the {len(records):,} images of {options.src!r} can be read.")
    return {**{mode: round(statistics.median(mine), 1) for mode, mine in rates.items()}, "images": readable}


def _make_cutter(mode: str, frame: Frame) -> Callable[[Sequence[ImageRecord]], list[bool]]:
    """Return what reads, decodes and cuts some images, and says of each whether it could be read."""
    from cnncodes.embedding.preparing import cut_image
    from cnncodes.images import Decoding
    from cnncodes.views import ViewPlan

    plan, decoding = ViewPlan(), Decoding.make(mode, None)

    def cut(chunk: Sequence[ImageRecord]) -> list[bool]:
        return [cut_image(plan, frame, decoding, record) is not None for record in chunk]

    return cut


def _compose(model: float, decoding: float) -> float:
    """Return the rate of two stages one after the other in the same lanes.

    Examples
    --------
    >>> _compose(200.0, 200.0)
    100.0
    """
    return round(1 / (1 / model + 1 / decoding), 1)


def render_bench(result: Result) -> str:
    """A line a network, the fastest last."""
    decoding = result["decoding"]
    head = ["provider", "precision", "batch", "images/s", "cosine", "lowest"]
    rows = [tuple([*head, "limit, exact decoding", "limit, fast"] if decoding else head)]
    for row in result["networks"]:
        cells = [row["provider"], row["precision"], str(row["batch_size"])]
        cells += [f"{row['rate']:.1f}", f"{row['cosine']:.4f}", f"{row['lowest_cosine']:.4f}"]
        if decoding:
            cells += [f"{row['limit']:.1f}", f"{row['limit_fast']:.1f}"]
        rows.append(tuple(cells))
    compared = result["compared"]
    lines = [format_table(rows)]
    lines.append(
        f"Cosine: of each picture's code with that of {compared['with']} on the CPU, after the mean code is"
        f" taken off; the median and the lowest of {compared['images']} pictures of {compared['of']}. 1 is"
        " equal."
    )
    if decoding:
        lines.append(
            f"Decoding alone: {decoding['exact']:.1f} images/s exact, {decoding['fast']:.1f} fast, of"
            f" {count(decoding['images'], 'image')}."
        )
    lines += [f"Not run: {sentence(fault)}" for fault in result["not_run"]]
    best, near = result["fastest"], result["fastest_near"]
    lines.append(
        f"{count(result['lanes'], 'lane')}. Fastest: {_describe_setting(best)};"
        " codes of two precisions never mix."
    )
    if best["cosine"] < NEAR:
        instead = f"; the fastest above that: {_describe_setting(near)}" if near else ""
        lines.append(
            f"Its codes are far from those of {compared['with']} (cosine below {NEAR}): measure what a"
            f" classifier loses by them before you take it{instead}."
        )
    return "\n".join(lines) + "\n"


def _describe_setting(row: Result) -> str:
    return (
        f"--provider {_short(row['provider'])} --precision {row['precision']} --batch-size"
        f" {row['batch_size']} (cosine {row['cosine']:.4f})"
    )


def _short(provider: str) -> str:
    from cnncodes.backbones.running.providers import NAMES

    return {name: short for short, name in NAMES.items()}.get(provider, provider)


BENCH = Command(
    name="bench",
    options=BenchOptions,
    run=run_bench,
    render=render_bench,
    summary="Measure what a network does a second here, by provider and precision, with decoding or without.",
    example="cnncodes bench --src photos/",
    results=("fastest",),
)
