"""``cnncodes codes``: what a codes dataset holds, whether it is sound, and its manifest made anew."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncodes.commands.command import PROBLEMS, Command, Result
from cnncodes.commands.controls import escape_controls
from cnncodes.commands.reporter import Reporter, format_seconds
from cnncodes.errors import CnnCodesError, DamagedManifest, count, name_some, sentence
from cnncodes.schema import option

if TYPE_CHECKING:
    from cnncodes.store.manifest import StoredViews

#: Names of classes, parts and views that a line has at most.
_SHOWN = 8


@dataclass(frozen=True)
class CodesOptions:
    """Options of the commands that look at one dataset."""

    codes: str = option("A .codes dataset.")


def run_info(options: CodesOptions, reporter: Reporter) -> Result:
    """Say what a dataset holds."""
    from cnncodes.store.locking import find_writer
    from cnncodes.store.summary import summarize_codes

    # First: one that ends meanwhile has left a manifest that is complete.
    writer = find_writer(Path(options.codes))
    found = summarize_codes(options.codes)
    manifest = found.manifest
    return {
        "codes": options.codes,
        "complete": manifest.complete,
        "writer": writer,
        "space": manifest.space.to_dict(),
        "plan": manifest.views.plan,
        "views": _name_views(manifest.views),
        "reduce": manifest.views.reduce,
        "dtype": manifest.dtype,
        "layers": manifest.parts,
        "images": found.images,
        "rows": found.rows,
        "labels": found.labels,
        "splits": found.splits,
        "groups": found.groups,
        "failures": found.failures if found.failures_known else None,
        "codes_kept": found.codes_kept,
        "marks_lost": found.marks_lost,
        "shards": len(manifest.shards),
        "bytes": found.bytes,
    }


def _name_views(stored: StoredViews) -> list[str]:
    """Return the views' names; none where the manifest does not say what these are by."""
    from cnncodes.backbones.frame import Frame
    from cnncodes.views import ViewPlan

    try:
        return list(ViewPlan.from_dict(stored.plan).names(Frame(**stored.frame)))
    except (CnnCodesError, TypeError):  # of another version: what else is known is worth showing
        return []


def render_info(result: Result) -> str:
    """Return what a dataset holds, a line each."""
    space, counts = result["space"], {key: _count(result[key]) for key in ("labels", "splits")}
    failed = "unknown ('codes verify')" if result["failures"] is None else _count(result["failures"])
    layers = ", ".join(f"{name} {size:,}" for name, size in result["layers"].items())
    rows = "one an image, the mean of its views" if result["reduce"] == "mean" else "one a view"
    lines = [
        ("codes", f"{result['codes']}{_describe_state(result)}"),
        ("images", f"{result['images']:,}"),
        ("rows", f"{result['rows']:,}, {rows}"),
        ("views", _describe_views(result["plan"], result["views"])),
        ("labels", counts["labels"] or "none"),
        ("parts", counts["splits"] or "none"),
        ("groups", f"{result['groups']:,}" if result["groups"] else "none"),
        ("failed", _describe_failed(failed, result["codes_kept"], result["marks_lost"])),
        ("numbers", f"{space['code_size']:,} of {result['dtype']} a row ({layers})"),
        ("network", f"{space['backbone']}, {space['precision']}, layer {space['layer']}"),
        ("sha256", space["backbone_sha256"]),
        ("pixels", f"{space['preprocessing']}; {space['decoding']} decoding"),
        ("files", f"{count(result['shards'], 'shard')}, {result['bytes'] / 1e6:,.1f} MB in all"),
    ]
    return "".join(f"{name.ljust(8)} {_escape(value)}\n" for name, value in lines)


def _describe_views(plan: dict[str, Any], names: list[str]) -> str:
    from cnncodes.views import ViewPlan
    from cnncodes.views.naming import find_name

    if not names:
        return "names unknown; --json has the plan"
    named = find_name(ViewPlan.from_dict(plan))
    shown = name_some(names, _SHOWN, show=str)
    return f"{len(names):,} an image{f' ({named})' if named else ''}: {shown}"


def _describe_state(result: Result) -> str:
    if result["writer"]:
        return f", being written now by {result['writer']}"
    return "" if result["complete"] else ", INCOMPLETE: its job did not finish"


def _describe_failed(stages: str, kept: int, lost: int) -> str:
    if not kept:
        return stages or "none"
    told = f"{kept:,} {'that keeps its' if kept == 1 else 'that keep their'} codes from before"
    told += f", {lost:,} of them in no failures.parquet ('codes verify')" if lost else " ('codes verify')"
    return f"{stages}, and {told}" if stages else told


def _escape(text: str) -> str:
    """Return a text in one line: names of classes, and of files, may hold anything."""
    return escape_controls(text).replace("\n", "\\n").replace("\t", "\\t")


def _count(counts: dict[str, int]) -> str:
    shown = [f"{name} {number:,}" for name, number in list(counts.items())[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else "")


def run_verify(options: CodesOptions, reporter: Reporter) -> Result:
    """Compare every file of a dataset with its manifest, and say all that is wrong."""
    from cnncodes.store.verifying import Findings, examine_codes

    started = time.perf_counter()
    try:
        found = examine_codes(options.codes)
    except DamagedManifest as error:  # the one problem that can be told
        found = Findings([str(error)], 0, None)
    return {
        "codes": options.codes,
        "sound": not found.problems,
        "writer": found.writer,
        "shards": found.shards,
        "seconds": round(time.perf_counter() - started, 3),
        PROBLEMS: found.problems,
    }


def render_verify(result: Result) -> str:
    """Return the problems, a line each, or that there are none."""
    took, shards = format_seconds(result["seconds"]), count(result["shards"], "shard")
    writer = f"{result['codes']} is being written now by {result['writer']}" if result["writer"] else ""
    if not result["sound"]:
        return "".join(f"{line}\n" for line in ([f"{writer}."] if writer else []) + result[PROBLEMS])
    if writer:
        return f"{writer}; what it has finished is sound: {shards} compared with the manifest in {took}.\n"
    return f"{result['codes']} is sound: {shards} compared with the manifest in {took}.\n"


def run_repair(options: CodesOptions, reporter: Reporter) -> Result:
    """Make a damaged or lost manifest anew from the shards, or name the shards that are at fault."""
    from cnncodes.store.repairing import describe, repair_codes

    repair = repair_codes(options.codes)
    problems = [
        f"data/{fault.name}, {count(fault.images, 'image')}, {sentence(fault.reason)} {fault.advice}"
        for fault in repair.faults
    ]
    return {"codes": options.codes, **describe(repair), PROBLEMS: problems}


def render_repair(result: Result) -> str:
    """Say what the new manifest holds, what was left out and why, and what to do next."""
    codes = result["codes"]
    if not result["repaired"]:
        sound = f"The manifest of {codes} is sound; nothing was changed."
        if not result[PROBLEMS]:
            return f"{sound} 'codes verify' looks at all that its files hold.\n"
        return "".join(f"{line}\n" for line in [f"{sound} These of its shards are not:", *result[PROBLEMS]])
    lines = [
        f"{codes}: manifest.json was made anew from {count(result['shards'], 'shard')},"
        f" {count(result['images'], 'image')}, {count(result['rows'], 'row')}."
    ]
    if result["kept"]:
        lines.append(f"The damaged one is kept as {result['kept']}.")
    lines += [
        f"{name} is sound by what it holds; the damaged manifest named another sha256 of it."
        for name in result["wrong_hashes"]
    ]
    lines += [
        f"Left out, and moved to left-out/: {one['shard']}, {_count_images(one['images'])}: {one['reason']}"
        for one in result["left_out"]
    ]
    if result["left_out"]:
        lines.append("Parquet that can be read says in its column 'image' which images these are.")
    lines += [
        f"The former manifest named {one['shard']}, {_count_images(one['images'])}, which is not there."
        for one in result["lost"]
    ]
    if result["changes"]:
        lines.append(
            f"Its codes are other ones than the former manifest said: {'; '.join(result['changes'])}."
        )
        lines.append(
            "If the shards of another dataset were put in the place of its own, put these back, and the"
            " former manifest. 'cnncodes embed' goes on with what the shards say, and with nothing else."
        )
        return "".join(f"{line}\n" for line in lines)
    lines.append("Run the same 'cnncodes embed' again: it embeds what is missing, if anything, and no more.")
    return "".join(f"{line}\n" for line in lines)


def _count_images(images: int | None) -> str:
    return "images unknown" if images is None else count(images, "image")


CODES = (
    Command(
        name="codes info",
        options=CodesOptions,
        run=run_info,
        render=render_info,
        summary="Say what a codes dataset holds: images, labels, failures, network and views.",
        example="cnncodes codes info photos.codes",
        results=("images", "rows"),
    ),
    Command(
        name="codes verify",
        options=CodesOptions,
        run=run_verify,
        render=render_verify,
        summary="Compare every file of a codes dataset with its manifest; a problem is exit status 1.",
        example="cnncodes codes verify photos.codes",
        results=("sound",),
    ),
    Command(
        name="codes repair",
        options=CodesOptions,
        run=run_repair,
        render=render_repair,
        summary="Make a lost or damaged manifest.json anew from the shards; one at fault is exit status 1.",
        example="cnncodes codes repair photos.codes",
        results=("repaired",),
    ),
)
