"""Training in two stages: it starts as the head, learns what it is told to, and stops when it should."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from tiny_tuning import CLASSES, draw, make_backbone, make_task  # noqa: E402

from cnncodes.embedding import Embedder  # noqa: E402
from cnncodes.errors import ResultWarning, StoreError, UsageError  # noqa: E402
from cnncodes.finetuning.checkpoints import Checkpoint  # noqa: E402
from cnncodes.finetuning.examples import Labelled  # noqa: E402
from cnncodes.finetuning.history import count_epochs  # noqa: E402
from cnncodes.finetuning.job import tune  # noqa: E402
from cnncodes.finetuning.schedule import rate_at  # noqa: E402
from cnncodes.finetuning.settings import FineTuning  # noqa: E402
from cnncodes.finetuning.task import Listeners, Task, identify  # noqa: E402
from cnncodes.finetuning.tuned import Tuned  # noqa: E402
from cnncodes.images import content_hash, records_from  # noqa: E402

pytestmark = pytest.mark.slow  # torch

NAME = "checkpoint.safetensors"


def names_of_changed(before: Any, after: Any) -> set[str]:
    import onnx
    from onnx import numpy_helper

    found = []
    for backbone in (before, after):
        model = onnx.load_from_string(backbone.model_bytes())
        found.append({tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer})
    assert found[0].keys() == found[1].keys()
    return {name for name in found[0] if not np.array_equal(found[0][name], found[1][name])}


def run(task: Task, folder: Path) -> Tuned:
    return tune(task, folder, Listeners())


def test_it_learns_what_the_head_cannot(tmp_path: Path) -> None:
    tuned = run(make_task(40, epochs=15, base_lr=0.01, backbone_lr_mult=1.0, patience=15), tmp_path)
    assert tuned.validation.difference.value > 0.1
    assert tuned.history[-1].loss < tuned.history[1].loss


def test_before_any_epoch_it_answers_as_the_head(tmp_path: Path) -> None:
    task = make_task(unfreeze="layer2")
    tuned = run(task, tmp_path)
    predictor = Embedder(task.embedder.backbone, task.embedder.plan)
    codes = [found.codes for found in predictor.embed(task.validation.records)]
    decision = np.stack([tuned.head.decision(code).mean(axis=0) for code in codes])
    answers = tuned.head.classes[decision.argmax(axis=1)]
    share = float((answers == task.validation.y).mean())
    assert tuned.history[0].accuracy == share == tuned.validation.head.value
    proba = tuned.head.proba_from_decision(decision)
    y = np.searchsorted(tuned.head.classes, task.validation.y)
    assert tuned.history[0].validation_loss == pytest.approx(
        -np.log(proba[range(len(y)), y]).mean(), rel=1e-5
    )


@pytest.mark.parametrize("head", ["linear-svm", "ridge", "lda", "centroid"])
def test_other_heads_start_with_a_temperature(head: str, tmp_path: Path) -> None:
    tuned = run(dataclasses.replace(make_task(unfreeze="layer2", epochs=1), head=head), tmp_path)
    assert tuned.head.temperature != 1.0
    assert tuned.history[0].accuracy == tuned.validation.head.value
    assert tuned.history[0].validation_loss < math.log(3)


def test_the_head_is_trained_first_and_alone(tmp_path: Path) -> None:
    tuned = run(make_task(epochs=2, freeze_epochs=3), tmp_path)
    stages = [one.stage for one in tuned.history]
    assert stages[0] == "start" and stages[-2:] == ["network", "network"]
    assert stages == sorted(stages, key=["start", "head", "network"].index)
    assert 1 <= stages.count("head") <= 3
    assert all(one.backbone_rate == 0 for one in tuned.history if one.stage != "network")
    without = run(make_task(epochs=1, freeze_epochs=0), tmp_path / "other")
    assert [one.stage for one in without.history] == ["start", "network"]


def test_only_the_chosen_part_changes(tmp_path: Path) -> None:
    task = make_task(40, unfreeze="layer2", base_lr=0.02, epochs=8, backbone_lr_mult=1.0)
    changed = names_of_changed(task.embedder.backbone, run(task, tmp_path).backbone)
    assert changed == {"layer2.conv.weight", "layer2.bn.weight", "layer2.bn.bias"}


def test_a_moving_average_moves_nothing_that_is_not_trained(tmp_path: Path) -> None:
    """Of batches' statistics either, to the bit."""
    mean, var = np.linspace([0.01, 0.9], [0.1, 1.1], 6, dtype=np.float32).T
    task = make_task(40, unfreeze="layer2", base_lr=0.02, epochs=8, backbone_lr_mult=1.0, ema=0.9)
    backbone = make_backbone({"layer2__bn__running_mean": mean, "layer2__bn__running_var": var})
    task = dataclasses.replace(task, embedder=dataclasses.replace(task.embedder, backbone=backbone))
    changed = names_of_changed(backbone, run(task, tmp_path).backbone)
    assert changed == {"layer2.conv.weight", "layer2.bn.weight", "layer2.bn.bias"}


def test_statistics_move_where_they_are_trained(tmp_path: Path) -> None:
    task = make_task(40, unfreeze="layer2", batch_norm="train", base_lr=0.02, epochs=4)
    changed = names_of_changed(task.embedder.backbone, run(task, tmp_path).backbone)
    assert {"layer2.bn.running_mean", "layer2.bn.running_var"} <= changed
    assert not any(name.startswith(("layer1", "stem")) for name in changed)


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "sgd", "base_lr": 0.3},
        {"label_smoothing": 0.1},
        {"mixup": 0.4},
        {"ema": 0.9},
        {"l2_sp": 0.01},
        {"class_weight": "balanced"},
        {"clip_norm": 0.0},
        {"precision": "bf16"},
        {"base_lr": "find", "l2_sp": 0.001},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_every_option_trains(settings: dict[str, Any], tmp_path: Path) -> None:
    defaults = {"epochs": 6, "base_lr": 0.01, "backbone_lr_mult": 1.0, "patience": 6}
    tuned = run(make_task(**{**defaults, **settings}), tmp_path)
    losses = [one.loss for one in tuned.history if one.stage == "network"]
    assert losses[-1] < losses[0]
    assert tuned.notes == ()


@pytest.mark.parametrize(("optimizer", "rate"), [("adamw", 0.001), ("sgd", 0.03)])
def test_where_no_rate_is_found_it_is_the_optimisers_own(optimizer: str, rate: float, tmp_path: Path) -> None:
    # Gradients far below AdamW's epsilon raise the loss at no rate.
    notes: list[str] = []
    task = make_task(epochs=1, freeze_epochs=0, base_lr="find", optimizer=optimizer, clip_norm=1e-12)
    tuned = tune(task, tmp_path, Listeners(note=notes.append))
    assert tuned.base_lr == rate
    assert any(f"the default of {optimizer}, {rate:.1e}" in note for note in notes)


def test_accumulated_batches_are_one_batch(tmp_path: Path) -> None:
    one = run(make_task(batch_size=16, epochs=2), tmp_path / "one")
    two = run(make_task(batch_size=4, accumulate=4, epochs=2), tmp_path / "two")
    for ours, theirs in zip(one.history, two.history, strict=True):
        assert ours.validation_loss == pytest.approx(theirs.validation_loss, rel=1e-4)


def test_the_same_seed_gives_the_same_bits(tmp_path: Path) -> None:
    first, again, other = (
        run(make_task(random_state=state, epochs=2), tmp_path / name)
        for name, state in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first.backbone.sha256 == again.backbone.sha256 != other.backbone.sha256
    assert np.array_equal(first.scorer.coef, again.scorer.coef)


def test_what_was_computed_anew_trains_the_same(tmp_path: Path) -> None:
    cached, anew = (
        run(
            make_task(unfreeze="layer2", cache=size, epochs=2, train_views="flip, rotation:2"),
            tmp_path / size,
        )
        for size in ("1G", "0")
    )
    assert cached.backbone.sha256 == anew.backbone.sha256


def test_a_single_step_is_one(tmp_path: Path) -> None:
    task = make_task(epochs=1, freeze_epochs=0, batch_size=45, base_lr=0.5, backbone_lr_mult=1.0)
    tuned = run(task, tmp_path)
    start, end = tuned.history
    assert end.validation_loss != pytest.approx(start.validation_loss, rel=1e-4)
    assert end.rate > 0 < end.backbone_rate


def test_a_network_that_is_as_it_was_stays_the_one_that_it_was(tmp_path: Path) -> None:
    task = make_task(epochs=1, base_lr=1e6, freeze_epochs=0, unfreeze="layer2", warmup_epochs=0.0)
    tuned = run(task, tmp_path)
    assert [one.kept for one in tuned.history] == [True, False]
    assert tuned.backbone.card == task.embedder.backbone.card


def test_a_rate_that_wrecks_the_head_alone_ends_it_all(tmp_path: Path) -> None:
    tuned = run(make_task(epochs=5, base_lr=1e6, clip_norm=0.0), tmp_path)
    assert [one.stage for one in tuned.history] == ["start", "head"]
    assert tuned.history[-1].verdict == "diverged"
    assert tuned.notes[0].startswith("training of the head alone diverged in epoch 1")


def test_another_task_is_refused_before_anything_is_replaced(tmp_path: Path) -> None:
    run(make_task(epochs=1), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    for changes in ({"epochs": 2}, {"unfreeze": "layer2"}, {"train_views": "center"}):
        with pytest.raises(StoreError, match="of another training"):
            run(make_task(**{"epochs": 1, **changes}), tmp_path)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_finding_a_rate_leaves_nothing_behind(tmp_path: Path) -> None:
    """The moving average had followed the network to rates at which it is wrecked."""
    found = run(make_task(epochs=2, base_lr="find", ema=0.9), tmp_path / "found")
    given = run(make_task(epochs=2, base_lr=found.base_lr, ema=0.9), tmp_path / "given")
    plain = [[{**one.to_dict(), "seconds": 0} for one in tuned.history] for tuned in (found, given)]
    assert plain[0] == plain[1]


def test_a_rate_that_is_found_far_above_the_default_is_not_taken(tmp_path: Path) -> None:
    said: list[str] = []
    tuned = tune(make_task(epochs=1, base_lr="find"), tmp_path, Listeners(said.append))
    line = next(line for line in said if line.startswith("the learning rate that was found: "))
    assert "the most that is taken without being asked for is 1.0e-02" in line and tuned.base_lr == 0.01


def test_a_rate_that_was_found_is_not_sought_again(tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(history: Any) -> None:
        if history[-1].stage == "head":
            raise StoppedError

    whole = run(make_task(epochs=2, base_lr="find"), tmp_path / "whole")
    with pytest.raises(StoppedError):
        tune(make_task(epochs=2, base_lr="find"), tmp_path / "stopped", Listeners(epoch=stop))
    said: list[str] = []
    tuned = tune(make_task(epochs=2, base_lr="find"), tmp_path / "stopped", Listeners(said.append))
    assert not any("trying learning rates" in line for line in said)
    assert tuned.base_lr == whole.base_lr and tuned.backbone.sha256 == whole.backbone.sha256


def test_why_it_goes_on_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    tune(make_task(epochs=1), tmp_path, Listeners(said.append))
    assert any("the head starts to converge: validation loss" in line for line in said)
    said.clear()
    tune(make_task(epochs=1), tmp_path, Listeners(said.append))
    assert any("going on after epoch 1 of the stage 'network'" in line for line in said)


def make_coloured(label: str, number: int) -> np.ndarray[Any, Any]:
    return np.clip(draw(label, number) + 40 * np.eye(3)[CLASSES.index(label)] * [1, 1, 2], 0, 255).astype(
        "uint8"
    )


def test_it_stops_where_all_are_clearly_worse(tmp_path: Path) -> None:
    """What it learns is wrong: the labels that it is trained on go round."""
    arrays = [make_coloured(label, number) for label in CLASSES for number in range(20)]
    contents = [content_hash(array) for array in arrays]
    images = Labelled(records_from(arrays), np.repeat(CLASSES, 20), contents)
    task = make_task(epochs=1)
    task = dataclasses.replace(
        task, train=images.take(np.arange(0, 60, 2)), validation=images.take(np.arange(1, 60, 2))
    )
    head = run(task, tmp_path / "head").head
    turned = dataclasses.replace(task.train, y=np.roll(CLASSES, 1)[np.searchsorted(CLASSES, task.train.y)])
    settings = FineTuning(**{**GAINING, "epochs": 50, "patience": 2, "unfreeze": "all", "device": "cpu"})
    tuned = run(dataclasses.replace(task, train=turned, start=head, settings=settings), tmp_path / "turned")
    accuracies = [one.accuracy for one in tuned.history]
    kept = [number for number, one in enumerate(tuned.history) if one.kept]
    assert accuracies[0] > 0.9 and accuracies[-1] < 0.5
    assert len(tuned.history) - 1 == kept[-1] + 2 < 50
    stop = f" Training stopped after epoch {tuned.history[-1].epoch}, as none of the last 2 was good enough"
    assert stop in tuned.say_verdict(None)


#: On which the tiny network clearly learns what its head cannot.
GAINING: dict[str, Any] = {"epochs": 8, "base_lr": 0.01, "backbone_lr_mult": 1.0, "patience": 8}


def make_gaining(keep: str = "better", **changes: Any) -> Task:
    return dataclasses.replace(make_task(40, **{**GAINING, **changes}), held_out=True, keep=keep)


@pytest.fixture(scope="module")
def refitted(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    return run(make_gaining(), tmp_path_factory.mktemp("refitted"))


def test_a_network_that_is_kept_is_trained_once_more_on_all(refitted: Tuned, tmp_path: Path) -> None:
    assert refitted.kept == "tuned"
    assert refitted.count_learned("tuned") == 120 == len(refitted.given.y) > len(make_gaining().train.y)
    assert "fine-tuned on 120 images" in refitted.backbone.card.description
    epochs = count_epochs(refitted.history)
    assert [one.stage for one in refitted.again] == [
        "start",
        *["head"] * epochs["head"],
        *["network"] * epochs["network"],
    ]
    taken = epochs["network"]  # over which the rates fall, whatever was allowed
    assert refitted.again[-1].rate == pytest.approx(0.01 * rate_at(taken - 0.5, taken, 1.0))
    first = run(make_gaining(refit=False), tmp_path)
    assert first.again == []
    assert first.count_learned("tuned") == len(make_gaining().train.y)
    assert [one.accuracy for one in first.history] == [one.accuracy for one in refitted.history]
    assert first.validation == refitted.validation
    assert first.backbone.sha256 != refitted.backbone.sha256


@pytest.mark.parametrize("kept", ["tuned", "head"])
def test_priors_can_be_given_to_either(kept: str, refitted: Tuned) -> None:
    predictor = refitted.make_predictor(kept, make_task().embedder)
    assert predictor.shares == pytest.approx([1 / 3] * 3)
    predictor.check_priors({"dots": 0.9})


def test_priors_start_from_the_shares_in_training(tmp_path: Path) -> None:
    train = make_task().train
    rare = np.flatnonzero(train.y == "plain")
    images = train.take(np.setdiff1d(np.arange(len(train.y)), rare[5:]))
    for weight in (None, "balanced"):
        task = dataclasses.replace(make_task(epochs=1), train=images, class_weight=weight)
        tuned = run(task, tmp_path / str(weight))
        counts = np.unique(images.y, return_counts=True)[1]
        expected = counts / counts.sum() if weight is None else np.ones(len(counts)) / len(counts)
        shares = tuned.make_predictor("tuned", task.embedder).shares
        assert shares == pytest.approx(expected) and len(set(counts)) > 1


def test_it_starts_anew_from_the_head_of_all(refitted: Tuned) -> None:
    """No training image is among those of the training before alone: its losses are of all of them."""
    assert refitted.again[0].loss != refitted.again[0].loss  # NaN: nothing was trained
    assert refitted.again[-1].loss < refitted.again[1].loss
    unlike = make_gaining().embedder.backbone
    assert names_of_changed(unlike, refitted.backbone) >= {"layer1.conv.weight", "stem.weight"}


@pytest.mark.parametrize(
    ("keep", "changes"),
    [("head", {}), ("better", {"base_lr": 1e-9}), ("tuned", {"base_lr": 1e6, "freeze_epochs": 0})],
    ids=["the head is kept", "nothing is gained", "no epoch is kept"],
)
def test_what_is_not_kept_is_not_trained_again(keep: str, changes: dict[str, Any], tmp_path: Path) -> None:
    assert run(make_gaining(keep, epochs=2, **changes), tmp_path).again == []


def test_a_part_of_its_own_for_validation_is_not_trained_on(tmp_path: Path) -> None:
    tuned = run(dataclasses.replace(make_gaining(), held_out=False), tmp_path)
    assert tuned.kept == "tuned" and tuned.again == []


@pytest.mark.parametrize("at", [1, 3])
def test_training_on_all_goes_on_where_it_stopped(at: int, refitted: Tuned, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(history: Any) -> None:
        if sum(not one.images for one in history) == at:
            raise StoppedError

    with pytest.raises(StoppedError):
        tune(make_gaining(), tmp_path, Listeners(epoch=stop))
    heard: list[int] = []
    tuned = tune(make_gaining(), tmp_path, Listeners(epoch=lambda history: heard.append(len(history))))
    assert tuned.backbone.sha256 == refitted.backbone.sha256
    assert np.array_equal(tuned.scorer.coef, refitted.scorer.coef)
    assert min(heard) > len(tuned.history)  # nothing of the first training was done again


def test_where_the_training_on_all_diverges_the_first_network_is_kept(
    refitted: Tuned, tmp_path: Path
) -> None:
    """The second training is made to diverge: it goes on from weights that are beyond all."""

    class StoppedError(Exception):
        pass

    def stop(history: Any) -> None:
        if history[-1].stage == "network" and not history[-1].images:
            raise StoppedError

    with pytest.raises(StoppedError):
        tune(make_gaining(), tmp_path, Listeners(epoch=stop))
    checkpoint = Checkpoint(tmp_path / "again.safetensors", f"{identify(make_gaining())} again")
    found = checkpoint.read()
    assert found is not None
    state, network, kept, average, _ = found
    wrecked = {name: value * 1e30 if value.is_floating_point() else value for name, value in network.items()}
    checkpoint.write(dataclasses.replace(state), wrecked, kept, average, None)
    tuned = run(make_gaining(), tmp_path)
    assert tuned.again[-1].verdict == "diverged"
    assert any("training on all images diverged" in note for note in tuned.notes)
    assert tuned.kept == "tuned" and tuned.count_learned("tuned") == len(tuned.judged.y) < 120
    first = run(make_gaining(refit=False), tmp_path / "first")
    assert tuned.backbone.sha256 == first.backbone.sha256
    assert np.array_equal(tuned.scorer.coef, first.scorer.coef)


def test_what_does_not_fit_the_cache_is_trained_on_alike(refitted: Tuned, tmp_path: Path) -> None:
    assert run(make_gaining(cache="0"), tmp_path).backbone.sha256 == refitted.backbone.sha256


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_head_that_is_damaged_on_disk_is_fitted_again(damage: str, refitted: Tuned, tmp_path: Path) -> None:
    def stop(history: Any) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        tune(make_gaining(), tmp_path, Listeners(epoch=stop))
    path = tmp_path / "head.npz"
    data = path.read_bytes()
    middle = len(data) // 2
    flipped = data[:middle] + bytes(byte ^ 255 for byte in data[middle : middle + 40]) + data[middle + 40 :]
    path.write_bytes({"cut": data[:300], "flipped": flipped, "empty": b""}[damage])
    with pytest.warns(ResultWarning, match=r"head\.npz is damaged: the head is trained again"):
        assert run(make_gaining(), tmp_path).backbone.sha256 == refitted.backbone.sha256


def test_an_epoch_below_the_start_is_not_kept(tmp_path: Path) -> None:
    tuned = run(make_gaining("tuned", epochs=4, base_lr=1e6, freeze_epochs=0), tmp_path)
    assert not tuned.is_trained and tuned.kept == "head"
    assert tuned.validation.difference.value == 0


def test_a_training_that_is_over_keeps_no_more_than_its_result(tmp_path: Path) -> None:
    """Neither what only further steps would need, nor weights twice."""
    task = make_task(epochs=2, base_lr=1e-4)
    first = run(task, tmp_path)
    found = Checkpoint(tmp_path / NAME, identify(task)).read()
    assert found is not None and found[0].over
    weights = sum(value.numpy().nbytes for value in found[1].values())
    for name in (NAME, f"{NAME}.previous"):
        assert (tmp_path / name).stat().st_size < weights + 8_000  # and what it came to in words
    said: list[str] = []
    again = tune(task, tmp_path, Listeners(said.append))
    assert again.backbone.sha256 == first.backbone.sha256
    assert any("going on after epoch 2 of the stage 'network'" in line for line in said)


def test_going_on_with_another_number_of_threads_is_told(tmp_path: Path) -> None:
    """Each thread sums gradients of its own images: sums of other parts have other last bits."""

    def stop(history: Any) -> None:
        if history[-1].stage == "network":
            raise InterruptedError

    task = make_task(epochs=2)
    with pytest.raises(InterruptedError):
        tune(dataclasses.replace(task, n_jobs=2), tmp_path, Listeners(epoch=stop))
    said: list[str] = []
    tune(task, tmp_path, Listeners(said.append))
    assert any("trained with 2 threads before, and is with 1 now (-j)" in line for line in said)
    said.clear()
    tune(task, tmp_path, Listeners(said.append))
    assert not any("threads" in line for line in said)


def test_weights_of_classes_are_those_of_the_loss_and_of_the_head(tmp_path: Path) -> None:
    plain, heavy = (
        run(make_task(epochs=1, class_weight=weight), tmp_path / str(number))
        for number, weight in enumerate([None, {"dots": 30.0}])
    )
    for before, after in ((plain.head, heavy.head), (plain.scorer, heavy.scorer)):
        assert after.intercept[0] - after.intercept.mean() > before.intercept[0] - before.intercept.mean()
    balanced = run(make_task(epochs=1, class_weight="balanced"), tmp_path / "balanced")
    equal = run(make_task(epochs=1, class_weight=dict.fromkeys(CLASSES, 1.0)), tmp_path / "equal")
    assert balanced.backbone.sha256 == equal.backbone.sha256  # of classes with as many images


def test_weights_of_classes_are_looked_at_before_the_work(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(UsageError, match="class_weight names 'dot', which is no class"):
        tune(make_task(class_weight={"dot": 2.0}), tmp_path, Listeners(said.append))
    assert not said and not any(tmp_path.iterdir())
