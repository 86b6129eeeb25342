"""What choosing a head costs, and what it is worth, against scikit-learn.

python benchmarks/heads.py codes              # of 4,000 images of Fashion-MNIST, two views each
python benchmarks/heads.py made --rows 20000 --classes 100
python benchmarks/heads.py kinds              # every head by name, on the same codes

The first two measure the whole path of a linear head with 5-fold cross-validation, on standardised rows.

Objectives are those that both minimise, per unit of weight, at the C that cross-validation chose; smaller is
better converged. Accuracy and log-loss are of images that nothing was fitted on.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gains_data import draw_fashion

from cnncodes.backbones.running.instructions import name_processor
from cnncodes.commands.doctor import count_cores
from cnncodes.heads.names import HEADS
from cnncodes.images import ImageSource

RESULTS = Path(__file__).parent / "results"
FOLDS = 5
#: Linear heads whose path is compared with scikit-learn's.
PATHS = ("logistic", "linear-svm", "ridge")


class Data(NamedTuple):
    """Rows to train and to test on."""

    name: str
    X: Any
    y: Any
    images: Any
    X_test: Any
    y_test: Any


def embed_fashion(args: argparse.Namespace) -> Data:
    """Make codes of Fashion-MNIST, two views an image."""
    from cnncodes import embed, read_codes

    data = draw_fashion(args.images, args.test)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, records in (("train", data.train), ("test", data.test)):
            out = Path(folder, name)
            embed(ImageSource(name, None, tuple(records)), out, views="flip" if name == "train" else "center")
            codes = read_codes(out)
            images = np.asarray(codes.rows["image"])
            found.append(
                (np.asarray(codes.X, np.float32), np.asarray(codes.rows["label"]).astype(str), images)
            )
    (X, y, images), (X_test, y_test, _) = found
    return Data(f"codes of {args.images:,} images of Fashion-MNIST", X, y, images, X_test, y_test)


def make(args: argparse.Namespace) -> Data:
    """Make rows like codes: not negative, columns that hang together, classes that overlap."""
    rng = np.random.default_rng(0)
    n, k, d = args.rows + args.test, args.classes, 1280
    y = rng.integers(0, k, n)
    hidden = rng.normal(size=(k, 64))[y] * args.signal + rng.normal(size=(n, 64))
    mixing = rng.normal(size=(64, d)) * 10 ** rng.uniform(-1.5, 0, (64, 1))
    X = np.maximum(hidden @ mixing + 0.3 * rng.normal(size=(n, d)), 0).astype(np.float32)
    first, labels = args.rows, np.array([f"class {i:03}" for i in range(k)])[y]
    name = f"made rows, {args.rows:,} x {d:,}, {k} classes"
    return standardise(Data(name, X[:first], labels[:first], np.arange(first), X[first:], labels[first:]))


def standardise(data: Data) -> Data:
    """Scale the columns, as both sides are given them."""
    mean, scale = data.X.mean(axis=0), data.X.std(axis=0)
    scale[scale == 0] = 1
    return data._replace(X=(data.X - mean) / scale, X_test=(data.X_test - mean) / scale)


def objective(kind: str, data: Data, model: Any, C: float) -> float:
    """Return the loss and the penalty, divided by C and the number of rows, in float64."""
    X, y = data.X.astype(np.float64), np.unique(data.y, return_inverse=True)[1]
    coef, intercept = np.asarray(model.coef_, np.float64), np.asarray(model.intercept_, np.float64)
    decision = X @ coef.T + intercept
    if kind == "logistic":
        top = decision.max(axis=1)
        losses = np.log(np.exp(decision - top[:, None]).sum(axis=1)) + top - decision[np.arange(len(y)), y]
        return float(losses.mean() + (coef**2).sum() / (2 * C * len(y)))
    signs = np.where(y[:, None] == np.arange(len(coef)), 1, -1)
    losses = (np.maximum(0, 1 - signs * decision) ** 2).sum(axis=1)
    return float(losses.mean() + ((coef**2).sum() + (intercept**2).sum()) / (2 * C * len(y)))


def measure(name: str, fit: Callable[[], Any], kind: str, data: Data, C: float | None) -> dict[str, Any]:
    """Time a fit and say what came of it."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import log_loss

    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", FutureWarning)
        model = fit()
    found: dict[str, Any] = {"name": name, "kind": kind, "seconds": round(time.perf_counter() - started, 2)}
    used = float(np.ravel(model.C_)[0]) if getattr(model, "C_", None) is not None else C
    if kind in ("logistic", "linear-svm") and used is not None:
        found |= {"C": used, "objective": objective(kind, data, model, used)}
    found["accuracy"] = float((model.predict(data.X_test) == data.y_test).mean())
    if hasattr(model, "predict_proba"):
        found["log_loss"] = float(
            log_loss(data.y_test, model.predict_proba(data.X_test), labels=model.classes_)
        )
    print(json.dumps(found), flush=True)
    return found


def compare(data: Data, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Fit every kind here and with scikit-learn."""
    from cnncodes.heads.estimator import LinearHead
    from cnncodes.heads.paths import LinearSearch

    rows = []
    width = data.X.shape[1]
    for kind in [kind for kind in PATHS if kind in args.kinds]:
        head = LinearHead(kind, scaling="standard", cv=FOLDS, n_jobs=count_cores())

        ours = measure(
            "cnncodes, whole path, 5 folds",
            partial(head.fit, data.X, data.y, images=data.images),
            kind,
            data,
            None,
        )
        rows.append(ours)
        C = head.C_
        if kind == "logistic":
            alone = LinearHead(kind, scaling="standard", C=C, n_jobs=count_cores())
            rows.append(measure("cnncodes, one fit", partial(alone.fit, data.X, data.y), kind, data, C))
        grid = [C for (C,) in LinearSearch(kind, ("standard",), None, 0).grid("standard", width)]
        for name, model in list_peers(kind, C, grid, args):
            rows.append(measure(name, partial(model.fit, data.X, data.y), kind, data, C))
    return rows


def list_peers(kind: str, C: float, grid: list[float], args: argparse.Namespace) -> list[tuple[str, Any]]:
    """Return what scikit-learn has for the same."""
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, RidgeClassifierCV
    from sklearn.svm import LinearSVC

    if kind == "ridge":
        return [("RidgeClassifierCV, the same penalties", RidgeClassifierCV([1 / (2 * C) for C in grid]))]
    if kind == "linear-svm":
        return [("LinearSVC(dual=False), one fit", LinearSVC(C=C, dual=False))]
    peers: list[tuple[str, Any]] = [
        ("LogisticRegression, one fit, tol 1e-4", LogisticRegression(C=C, max_iter=10_000)),
        ("LogisticRegression, one fit, tol 1e-6", LogisticRegression(C=C, tol=1e-6, max_iter=10_000)),
    ]
    if args.path:
        whole = LogisticRegressionCV(
            Cs=[value for value in grid if value <= 30 * C],
            cv=FOLDS,
            max_iter=10_000,
            scoring="neg_log_loss",
            n_jobs=count_cores(),
        )
        peers.append(("LogisticRegressionCV, 5 folds, C to 30 times the best", whole))
    return peers


def compare_kinds(data: Data, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Fit every head by name as `fit` does, and what scikit-learn has, with the settings that were chosen."""
    from cnncodes.heads.kinds import make_kind
    from cnncodes.heads.names import BY_COST
    from cnncodes.heads.scaling import Scaler
    from cnncodes.heads.selection import make_head

    _, image, views = np.unique(data.images, return_inverse=True, return_counts=True)
    weight = 1 / views[image]
    rows, given = [], {"sample_weight": weight, "images": data.images}
    for kind in [kind for kind in BY_COST if kind in args.kinds]:
        head = make_kind(kind, cv=FOLDS, n_jobs=count_cores())
        rows.append(measure("cnncodes", partial(head.fit, data.X, data.y, **given), kind, data, None))
        rows[-1].pop("objective", None)  # of other rows than these
        rows[-1] |= {"scaling": head.scaling_} | {
            name: float(value)
            for name in ("C", "gamma", "k")
            if (value := getattr(head, f"{name}_", None)) is not None
        }
        scaler = Scaler.learn(head.scaling_, data.X, weight)
        scaled = data._replace(
            X=scaler.apply(data.X, np.float32), X_test=scaler.apply(data.X_test, np.float32)
        )
        model, takes_weight = make_peer(kind, head)
        fit = partial(model.fit, scaled.X, data.y, **({"sample_weight": weight} if takes_weight else {}))
        rows.append(measure(f"scikit-learn: {type(model).__name__}", fit, kind, scaled, None))
    if "auto" not in args.kinds:
        return rows
    auto = make_head("auto", n_jobs=count_cores())
    rows.append(measure("cnncodes", partial(auto.fit, data.X, data.y, **given), "auto", data, None))
    rows[-1] |= {"reason": auto.reason_, "table": {k: v.tolist() for k, v in auto.cv_results_.items()}}
    return rows


def make_peer(kind: str, head: Any) -> tuple[Any, bool]:
    """Return what scikit-learn has for a fitted head with its settings, and whether it takes weights."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression, RidgeClassifier
    from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
    from sklearn.svm import SVC, LinearSVC

    if kind == "lda":
        return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=1 / (1 + head.C_)), False
    if kind == "centroid":
        return NearestCentroid(), False
    if kind == "knn":  # two rows an image
        return KNeighborsClassifier(2 * head.k_, algorithm="brute"), False
    if kind == "rbf-svm":
        return SVC(C=head.C_, gamma=head.scorer_.gamma), True
    if kind == "ridge":
        return RidgeClassifier(alpha=1 / (2 * head.C_)), True
    if kind == "linear-svm":
        return LinearSVC(C=head.C_, dual=False), True
    return LogisticRegression(C=head.C_, max_iter=10_000), True


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="Fashion-MNIST is Debian's package dataset-fashion-mnist.",
    )
    parser.add_argument(
        "data",
        choices=("codes", "made", "kinds"),
        help="codes of Fashion-MNIST, rows like codes, or every head by name",
    )
    parser.add_argument(
        "--images", type=int, default=4000, help="codes, kinds: images to train on [%(default)s]"
    )
    parser.add_argument("--rows", type=int, default=20_000, help="made: rows to train on [%(default)s]")
    parser.add_argument("--classes", type=int, default=100, help="made: classes [%(default)s]")
    parser.add_argument("--signal", type=float, default=0.35, help="made: how far apart [%(default)s]")
    parser.add_argument("--test", type=int, default=2000, help="images or rows to test on [%(default)s]")
    parser.add_argument("--kinds", nargs="+", choices=HEADS, default=HEADS, help="which heads [all]")
    parser.add_argument("--path", action="store_true", help="LogisticRegressionCV too, which takes long")
    parser.add_argument("--json", type=Path, help="file for the figures [in benchmarks/results]")
    args = parser.parse_args()
    data = make(args) if args.data == "made" else embed_fashion(args)
    if args.data == "codes":
        data = standardise(data)
    result = {
        "data": data.name,
        "rows": len(data.X),
        "processor": name_processor(),
        "cores": count_cores(),
        "results": compare_kinds(data, args) if args.data == "kinds" else compare(data, args),
    }
    (args.json or RESULTS / f"heads-{args.data}.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
