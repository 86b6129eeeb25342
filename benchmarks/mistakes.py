"""How often 95 % intervals of log loss and Brier score hold the truth where mistakes are few.

Classifiers of ten classes whose answers all have a probability of 0.9999; that give the probabilities classes
are drawn by; and whose powers are four times those. Of groups, four images each, seven in ten have what the
first has.
Before the arrow are intervals of the bootstrap alone (`cnncodes.evaluation.intervals.summarize_positive`),
after it those of `cnncodes.evaluation.mistakes.allow_for_mistakes`; the log loss is first. The last rows
are mean absolute errors, where predictions are right in the share given and else off by 1, which nothing
bounds where no image shows it.
Needs nothing more.

    python benchmarks/mistakes.py
    python benchmarks/mistakes.py --runs 50
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

CLASSES, MANY, EACH, ALIKE = 10, 300_000, 4, 0.7
ACCURACIES = (0.9, 0.97, 0.99)
#: Images, or groups, and whether they are groups.
SIZES = ((32, False), (100, False), (1000, False), (32, True))
#: Names of classifiers, and their powers in terms of those that classes are drawn by; None of the sure one.
KINDS = {"always 0.9999": None, "calibrated": 1.0, "powers four times too large": 4.0}


def find_spread(accuracy: float) -> float:
    """Return the standard deviation of powers of which the most probable class is right so often."""
    powers, low, high = np.random.default_rng(0).normal(size=(40_000, CLASSES)), 0.1, 300.0
    for _ in range(40):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if soften(middle * powers).max(axis=1).mean() < accuracy else (low, middle)
    return middle


def soften(powers: Array) -> Array:
    """Return probabilities."""
    values = np.exp(powers - powers.max(axis=1, keepdims=True))
    return np.asarray(values / values.sum(axis=1, keepdims=True))


def draw(rng: Any, n: int, accuracy: float, spread: float, times: float | None) -> tuple[Array, Array]:
    """Return classes and probabilities of so many images."""
    if times is None:
        y = rng.integers(CLASSES, size=n)
        answers = (y + (rng.random(n) >= accuracy) * rng.integers(1, CLASSES, n)) % CLASSES
        proba = np.full((n, CLASSES), 1e-4 / (CLASSES - 1))
        proba[np.arange(n), answers] = 0.9999
        return y, proba
    powers = spread * rng.normal(size=(n, CLASSES))
    y = (soften(powers).cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return y, soften(times * powers)


def draw_groups(rng: Any, n: int, *kind: Any) -> tuple[Array, Array]:
    """Return the same of `n` groups, one after the other."""
    first, own = draw(rng, n, *kind), draw(rng, n * EACH, *kind)
    alike = rng.random(n * EACH) < ALIKE
    y, proba = (np.repeat(one, EACH, axis=0) for one in first)
    return np.where(alike, y, own[0]), np.where(alike[:, None], proba, own[1])


def measure(n: int, grouped: bool, runs: int, *kind: Any) -> str:
    """Return how often intervals hold the truth, in per cent, of log loss and Brier score."""
    from functools import partial

    from cnncodes.evaluation.intervals import bootstrap, make_mean, summarize_positive
    from cnncodes.evaluation.probabilities import Scored

    rng, held = np.random.default_rng(n), np.zeros((2, 2))
    many = Scored.make(*draw(rng, MANY, *kind), np.arange(CLASSES), None, 0)
    truth = many.log_loss_of_each()[0].mean(), many.brier_of_each()[0].mean()
    groups = np.arange(n * EACH) // EACH if grouped else None
    for _ in range(runs):
        scored = Scored.make(
            *(draw_groups if grouped else draw)(rng, n, *kind), np.arange(CLASSES), groups, 0
        )
        found = scored.log_loss(), scored.brier()
        for i, (losses, most) in enumerate(
            ((scored.log_loss_of_each(), 37.0), (scored.brier_of_each(), 2.0))
        ):
            summary = partial(summarize_positive, most=most)
            alone = bootstrap(make_mean(losses[0]), len(losses[0]), groups=groups, summary=summary)
            held[i] += [one.low <= truth[i] <= one.high for one in (alone, found[i])]
    return "; ".join(f"{alone:.0f} → {now:.0f}" for alone, now in 100 * held / runs)


def measure_errors(n: int, share: float, runs: int) -> str:
    """Return how often the interval of the mean absolute error holds the truth, of all samples and some."""
    from cnncodes.evaluation.intervals import bootstrap, make_mean, summarize_positive

    rng, held, seen = np.random.default_rng(n), [], []
    for _ in range(runs):
        errors = (rng.random(n) < share).astype(float)
        found = bootstrap(make_mean(errors), n, summary=summarize_positive)
        held.append(found.low <= share <= found.high)
        seen.append(errors.any())
    return f"{100 * np.mean(held):.0f}, where seen {100 * np.mean(np.array(held)[seen]):.0f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="Samples of each case.")
    runs, started = parser.parse_args().runs, time.perf_counter()
    heads = [f"{n:,} {'groups' if grouped else 'images'}" for n, grouped in SIZES]
    print(f"| probabilities | accuracy | {' | '.join(heads)} |\n|---|---:|---:|---:|---:|---:|")
    for name, times in KINDS.items():
        for accuracy in ACCURACIES:
            kind = accuracy, find_spread(accuracy), times
            cells = [measure(n, grouped, runs, *kind) for n, grouped in SIZES]
            print(f"| {name} | {accuracy} | {' | '.join(cells)} |", flush=True)
    for share in (0.03, 0.01):
        cells = [measure_errors(n, share, runs) for n, grouped in SIZES if not grouped]
        print(f"| errors of 1 | {1 - share} | {' | '.join(cells)} | |", flush=True)
    print(f"\n{runs} samples of each, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
