"""How often 95 % intervals hold the truth, by ways to make them: of few images or groups, of many classes.

Of few, means are of values that are normal, differences between two equally good classifiers, shares of
groups of 20 images that are easy or hard together, exponential values (as losses are, about), and errors,
normal or with heavy tails (Student's t of 3 degrees of freedom, lognormal); "2.5 %" are the usual percentiles
of the bootstrap, "expanded" those of `cnncodes.evaluation.intervals.find_percentiles`, "by logarithm" is
`summarize_positive`.

Of many classes images are simulated: each is right with a probability of its class, else named one of three
others; of labels the values are normal, and those with the label are higher by something of the label's. The
truth is the figure of very many. "percentiles" are `cnncodes.evaluation.intervals.summarize`, "corrected" is
`cnncodes.evaluation.means.summarize_biased`, "by class" `widen_mean` of percentiles.
Needs nothing more.

    python benchmarks/intervals.py
    python benchmarks/intervals.py --runs 50
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from statistics import NormalDist
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]

#: Right answers and images, of each class; none of a figure that is no mean of these.
Counts = list[tuple[int, int]]

#: Values of figures by how often each image counts, ``[rows, n]``.
Measure = Callable[[Floats], Floats]

MANY, RESAMPLES = 300_000, 1000

#: Labels, images, the share that has a label, and by how much their values are higher, from and to.
LABELS = (
    (20, 60, 0.05, 0.5, 2.5),
    (20, 150, 0.05, 0.5, 2.5),
    (20, 500, 0.05, 0.5, 2.5),
    (10, 150, 0.12, 0.5, 2.5),
    (5, 65, 0.15, 0.5, 2.5),
    (5, 300, 0.3, 0.5, 2.5),
    (1, 60, 0.1, 1, 2),
    (3, 100, 0.3, 3, 5),
    (10, 200, 0.1, 3, 5),
    (2, 40, 0.5, 1, 2),
)
#: Classes, images, the share of right answers of a class, from and to, and how many images a class has of
#: those that the one before has.
CLASSES = (
    (100, 300, 0.5, 0.95, 1.0),
    (70, 500, 0.3, 0.95, 1.0),
    (20, 200, 0.3, 0.95, 1.0),
    (10, 60, 0.3, 0.95, 1.0),
    (10, 1000, 0.3, 0.95, 1.0),
    (10, 200, 0.9, 0.99, 1.0),
    (50, 500, 0.95, 1, 1.0),
    (3, 100, 0.9, 0.99, 1.0),
    (2, 30, 0.7, 0.9, 1.0),
    (2, 200, 0.5, 0.95, 0.01),
    (6, 200, 0.5, 0.95, 0.5),
    (6, 200, 0.97, 0.99, 0.5),
)


def draw_gaps(rng: Any, runs: int, units: int, figure: str, each: int = 1) -> Floats:
    """Return a figure of one of two equally good classifiers of two classes less the other's, a mean a group.

    Images of a group are easy or hard together, for each classifier.
    """
    size = (runs, units, each)
    values = []
    for _ in range(2):
        easy = rng.normal(size=(runs, units, 1)) * (each > 1)
        right = 1 / (1 + np.exp(-(1.2 + easy + rng.normal(size=size) - rng.normal(size=size))))
        values.append(right > 0.5 if figure == "accuracy" else -np.log(right))
    return np.asarray((values[0].astype(float) - values[1]).mean(axis=2))


#: What means are of, and their truth; each draws so many units, in so many samples.
FEW: tuple[tuple[str, float, Callable[[Any, int, int], Floats]], ...] = (
    ("normal values", 0, lambda rng, runs, units: rng.normal(size=(runs, units))),
    ("differences of right answers", 0, lambda *size: draw_gaps(*size, "accuracy")),
    ("differences of log losses", 0, lambda *size: draw_gaps(*size, "log loss")),
    ("the same, groups of four images", 0, lambda *size: draw_gaps(*size, "log loss", 4)),
    ("shares of groups", 0.8, lambda rng, *size: rng.binomial(20, rng.beta(4, 1, size)) / 20),
)
#: The same of what is above 0: losses and errors.
FEW_ABOVE: tuple[tuple[str, float, Callable[[Any, int, int], Floats]], ...] = (
    ("exponential values", 1, lambda rng, *size: rng.exponential(size=size)),
    ("absolute errors, normal", np.sqrt(2 / np.pi), lambda rng, *size: np.abs(rng.normal(size=size))),
    ("absolute errors, t", np.sqrt(12) / np.pi, lambda rng, *size: np.abs(rng.standard_t(3, size))),
    ("squared errors, normal", 1, lambda rng, *size: rng.normal(size=size) ** 2),
    ("squared errors, t", 3, lambda rng, *size: rng.standard_t(3, size) ** 2),
    ("squared errors, lognormal", np.exp(2), lambda rng, *size: np.exp(2 * rng.normal(size=size))),
)
UNITS = (3, 5, 10, 20, 30, 100)


def draw_labels(rng: Any, n: int, share: float, gaps: Floats) -> tuple[Floats, Floats]:
    """Return which images have which labels, and their values."""
    Y = (rng.random((n, len(gaps))) < share).astype(float)
    return Y, Y * gaps + rng.normal(size=Y.shape)


def measure_labels(Y: Floats, values: Floats) -> Measure:
    """Return mAP as a function of weights, many rows of them at once."""

    def measure(weights: Floats) -> Floats:
        found = []
        for own, value in zip(Y.T, values.T, strict=True):
            order = np.argsort(-value, kind="stable")
            having = np.flatnonzero(own[order] > 0)
            if len(having):
                drawn = weights[:, order]
                gained, named = drawn[:, having], np.cumsum(drawn, axis=1)[:, having]
                right = np.cumsum(gained, axis=1)
                parts = np.divide(gained * right, named, out=np.zeros_like(named), where=gained > 0)
                total = right[:, -1]
                mean = np.divide(parts.sum(axis=1), total, out=np.full(len(total), np.nan), where=total > 0)
                found.append(mean)
        return np.asarray(np.nanmean(found, axis=0))

    return measure


def draw_classes(rng: Any, n: int, shares: Floats, ratio: float) -> tuple[Any, Any]:
    """Return true and predicted classes, as numbers."""
    sizes = ratio ** np.arange(len(shares))
    y = rng.choice(len(shares), n, p=sizes / sizes.sum())
    wrong = (y + 1 + rng.integers(3, size=n)) % len(shares)
    return y, np.where(rng.random(n) < shares[y], y, wrong)


def measure_classes(y: Any, predicted: Any, size: int, figure: str) -> Measure:
    """Return macro F1 or balanced accuracy as a function of weights, many rows of them at once."""
    cells, place = np.unique(y * size + predicted, return_inverse=True)
    true, said = (np.eye(size)[of] for of in np.divmod(cells, size))
    both, image = true * said, np.eye(len(cells))[place] if len(y) < MANY else None

    def measure(weights: Floats) -> Floats:
        counts = np.bincount(place, weights[0])[None] if image is None else weights @ image
        of_class = counts @ true
        below = of_class if figure == "balanced accuracy" else (of_class + counts @ said) / 2
        below = np.where(of_class > 0, below, np.nan)  # the mean is over classes with images
        with np.errstate(invalid="ignore"):
            return np.asarray(np.nanmean(counts @ both / below, axis=1))

    return measure


def make_intervals(
    value: float, drawn: Floats, left_out: Floats, of_classes: Counts
) -> dict[str, tuple[float, float]]:
    """Return an interval by each way, within 0 to 1 and around the figure.

    BCa: B. Efron, "Better bootstrap confidence intervals", JASA 82, 1987, with the jackknife's acceleration.
    """
    from cnncodes.evaluation.intervals import summarize
    from cnncodes.evaluation.means import summarize_biased, widen_mean
    from cnncodes.evaluation.shares import Z, wilson

    normal = NormalDist()
    n = len(left_out)
    plain, given = (of(value, drawn, n, n) for of in (summarize, summarize_biased))
    below = float(np.clip(((drawn < value).mean() + (drawn <= value).mean()) / 2, 5e-4, 1 - 5e-4))
    gap = np.nanmean(left_out) - left_out[~np.isnan(left_out)]
    center = normal.inv_cdf(below)
    skew = float((gap**3).sum() / (6 * (gap @ gap) ** 1.5)) if gap.any() else 0.0
    ends = [center + (center + z) / (1 - skew * (center + z)) for z in (-Z, Z)]
    accelerated = np.nanpercentile(drawn, [100 * normal.cdf(end) for end in ends])
    found = {
        "percentiles": (plain.low, plain.high),
        "reflected": (2 * value - plain.high, 2 * value - plain.low),
        "BCa": (float(accelerated[0]), float(accelerated[1])),
        "corrected": (given.low, given.high),
    }
    if of_classes:
        wide = widen_mean(plain, [wilson(*one) for one in of_classes])
        found["by class"] = wide.low, wide.high
    return {name: (min(value, max(0, low)), max(value, min(1, high))) for name, (low, high) in found.items()}


def list_cases() -> Iterator[tuple[str, Callable[[Any, int | None], tuple[int, Measure, Counts]]]]:
    """Yield the name of each case, and what draws so many images of it, or the case's own number."""
    for count, n, share, low, high in LABELS:
        gaps = np.random.default_rng(count * 1000 + n).uniform(low, high, count)

        def labels(rng: Any, many: int | None, n: int = n, share: float = share, gaps: Floats = gaps) -> Any:
            while True:
                Y, values = draw_labels(rng, many or n, share, gaps)
                if Y.any():
                    return len(Y), measure_labels(Y, values), []

        yield f"mAP | {count} labels, {n} images | {n * share:.3g}", labels
    for count, n, low, high, ratio in CLASSES:
        shares = np.random.default_rng(count * 1000 + n).uniform(low, high, count)
        for figure in ("macro F1", "balanced accuracy"):

            def classes(
                rng: Any,
                many: int | None,
                n: int = n,
                shares: Floats = shares,
                figure: str = figure,
                ratio: float = ratio,
            ) -> Any:
                y, predicted = draw_classes(rng, many or n, shares, ratio)
                of_classes: Counts = []
                if figure == "balanced accuracy":
                    of_classes = [(int((predicted == k)[y == k].sum()), int((y == k).sum())) for k in set(y)]
                return many or n, measure_classes(y, predicted, len(shares), figure), of_classes

            each = f"{n / count:.3g}" if ratio == 1 else f"{ratio:g} of the class before"
            yield f"{figure} | {count} classes, {n} images | {each}", classes


def run(
    draw: Callable[[Any, int | None], tuple[int, Measure, Counts]], runs: int
) -> tuple[float, float, Any]:
    """Return the truth, the mean figure, and of each way the share of intervals that hold the truth."""
    rng = np.random.default_rng(0)
    many, measure, _ = draw(rng, MANY)
    truth, values, held = float(measure(np.ones((1, many)))[0]), [], []
    for _ in range(runs):
        n, measure, of_classes = draw(rng, None)
        values.append(float(measure(np.ones((1, n)))[0]))
        drawn = measure(rng.multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(float))
        if np.ptp(np.nanpercentile(drawn, [2.5, 97.5])) > 0:  # else resamples make no interval
            made = make_intervals(values[-1], drawn, measure(1 - np.eye(n)), of_classes)
            held.append({name: low <= truth <= high for name, (low, high) in made.items()})
    return truth, float(np.mean(values)), {name: np.mean([one[name] for one in held]) for name in held[0]}


def measure_few(runs: int) -> None:
    """Print how often intervals of means of few units hold the truth."""
    from cnncodes.evaluation.intervals import find_percentiles, summarize_positive

    print("| mean of | units | 2.5 % | expanded | by logarithm |\n|---|---:|---:|---:|---:|")
    for name, truth, draw in (*FEW, *FEW_ABOVE):
        for units in UNITS:
            rng, held = np.random.default_rng(units), np.zeros(3)
            for values in draw(rng, runs, units):
                drawn = values[rng.integers(units, size=(RESAMPLES, units))].mean(axis=1)
                found = summarize_positive(float(values.mean()), drawn, units, units)
                ends = np.percentile(drawn, [2.5, 97.5, *find_percentiles(units)])
                ends = np.append(ends, [found.low, found.high]).reshape(3, 2)
                held += (ends[:, 0] <= truth) & (truth <= ends[:, 1])
            usual, expanded, last = (f"{share:.0f}" for share in 100 * held / runs)
            by_logarithm = last if (name, truth, draw) in FEW_ABOVE else ""
            print(f"| {name} | {units} | {usual} | {expanded} | {by_logarithm} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--runs",
        type=int,
        default=200,
        help="Samples of each case of many classes; of few ten times as many.",
    )
    runs = parser.parse_args().runs
    started = time.perf_counter()
    measure_few(10 * runs)
    print()
    ways = "percentiles | reflected | BCa | corrected | by class"
    print(f"| figure | of | images of each | truth | mean | {ways} |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name, draw in list_cases():
        truth, mean, held = run(draw, runs)
        shares = " | ".join(f"{100 * share:.0f}" for share in held.values())
        shares += "" if "by class" in held else " | "
        print(f"| {name} | {truth:.3f} | {mean:.3f} | {shares} |", flush=True)
    seconds = time.perf_counter() - started
    print(f"\n{runs} samples of each, {RESAMPLES} resamples of a sample, {seconds:.0f} s")


if __name__ == "__main__":
    main()
