"""A fitted head as the members of a saved classifier, and back, without pickle.

A head by name is plain arrays. Any other is written and read with skops, which builds only types that
it knows to be safe, and those in `TRUSTED`.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from cnncodes.errors import ResultWarning, SavedModelError, sentence, warn
from cnncodes.estimators.archive import Archive, open_zip, write_zip
from cnncodes.estimators.npy import read_npy, to_npy
from cnncodes.heads.arrays import ArrayScorer
from cnncodes.heads.kernels import KernelScorer
from cnncodes.heads.linear import LinearScorer
from cnncodes.heads.multilabel.scorers import LabelScorer, LinearLabelScorer, NeighborLabelScorer
from cnncodes.heads.neighbors import NeighborScorer
from cnncodes.heads.regression.scorers import (
    KernelNumberScorer,
    LinearNumberScorer,
    NeighborNumberScorer,
    NumberScorer,
)

_TREE = "sklearn.tree._tree.Tree"

#: What skops does not trust by itself. Trees are checked when they are read; the others are plain Python
#: objects of scikit-learn, whose attributes are set and none of whose code is run.
TRUSTED = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.GroupKFold",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedGroupKFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    _TREE,
    "sklearn.utils._bunch.Bunch",
)

_SKOPS = "head/head.skops"

#: What can be done with a head that cannot be saved.
_INSTEAD = (
    "Take another head (docs/heads.md says which can be saved), or predict in this process; pickle keeps it,"
    " too, but only for whom you trust, as loading it runs what is in it."
)

#: Heads that are plain arrays, by type.
SCORERS: dict[str, type[ArrayScorer]] = {
    scorer.TYPE: scorer
    for scorer in (
        LinearScorer,
        NeighborScorer,
        KernelScorer,
        LinearNumberScorer,
        NeighborNumberScorer,
        KernelNumberScorer,
        LinearLabelScorer,
        NeighborLabelScorer,
    )
}

#: What a saved file predicts, as errors name it.
CLASSES, NUMBERS, LABELS = "classifier", "regressor", "multi-label classifier"


def pack_head(head: Any) -> tuple[str, dict[str, bytes]]:
    """Return the type of a fitted head, one of `SCORERS` or ``"skops"``, and its members.

    Raises
    ------
    SavedModelError
        If the head holds a type that would be refused when it is read.
    """
    if isinstance(head, ArrayScorer):
        arrays = head.to_arrays()
        return head.TYPE, {f"head/{name}.npy": to_npy(array) for name, array in arrays.items()}
    import skops.io

    kind = type(head).__name__
    try:
        data = skops.io.dumps(head)
    except TypeError as error:  # of skops: a lambda, an extension type …
        raise SavedModelError(f"a head {kind} cannot be saved: {sentence(error)} {_INSTEAD}") from error
    refused = _untrusted(data)
    if refused:
        raise SavedModelError(
            f"a head {kind} cannot be saved: it holds {', '.join(refused)}, which would not be loaded,"
            f" since it is not known to be safe. {_INSTEAD}"
        )
    return "skops", {_SKOPS: _canonical(data)}


def head_members(kind: str) -> set[str]:
    """Return the names of the members of a head."""
    if kind in SCORERS:
        return {f"head/{name}.npy" for name in SCORERS[kind].ARRAYS}
    if kind == "skops":
        return {_SKOPS}
    raise SavedModelError(f"a head of unknown type {kind!r}: {', '.join(SCORERS)} and skops are known.")


def unpack_head(archive: Archive, kind: str, wanted: str = CLASSES) -> Any:
    """Read the head of what is `wanted`, such as `CLASSES`; every type in it is checked before it is built.

    Raises
    ------
    SavedModelError
        If it is damaged, of the other sort, or holds a type that is not known to be safe; the text names it.
    """
    if kind in SCORERS:
        if _predicted_by(SCORERS[kind]) != wanted:
            raise SavedModelError(f"{archive.name} is damaged: a head {kind} is none of a {wanted}.")
        arrays = {name: read_npy(archive, f"head/{name}.npy") for name in SCORERS[kind].ARRAYS}
        try:
            return SCORERS[kind].from_arrays(arrays)
        except SavedModelError as error:
            raise SavedModelError(f"{archive.name} is damaged: {error}") from error
    if wanted == LABELS:
        raise SavedModelError(f"{archive.name} is damaged: a head {kind} is none of a {wanted}.")
    data = archive.read(_SKOPS)
    open_zip(data, f"{archive.name}: {_SKOPS}")  # it is a zip itself and may promise too much
    try:
        return _load_skops(archive.name, data, regressor=wanted == NUMBERS)
    except SavedModelError:
        raise
    except Exception as error:  # whatever a damaged schema leads skops and the setters to
        raise SavedModelError(f"{archive.name}: its head is damaged: {error!r:.300}") from error


def _predicted_by(scorer: type[ArrayScorer]) -> str:
    if issubclass(scorer, LabelScorer):
        return LABELS
    return NUMBERS if issubclass(scorer, NumberScorer) else CLASSES


def _untrusted(data: bytes) -> list[str]:
    import skops.io

    return sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED))


def _load_skops(name: str, data: bytes, *, regressor: bool) -> Any:
    from sklearn.base import BaseEstimator, is_classifier, is_regressor

    refused = _untrusted(data)
    if refused:
        raise SavedModelError(
            f"{name} holds a head with {', '.join(refused)}, which is not known to be safe:"
            " it was not loaded."
        )
    head, version = _build(name, data)
    known = is_regressor if regressor else is_classifier
    if not (isinstance(head, BaseEstimator) and known(head) and (regressor or hasattr(head, "classes_"))):
        wanted = "regressor" if regressor else "classifier"
        raise SavedModelError(f"{name} holds a {type(head).__name__} as its head, which is no {wanted}.")
    if not all(_is_sound(owner) for owner in _objects(head)):
        raise SavedModelError(f"{name} holds a tree whose nodes point out of it: it was not loaded.")
    if version:
        _try_out(name, head, version)
    return head


def _build(name: str, data: bytes) -> tuple[Any, str]:
    """Build a head, and return the scikit-learn that it is of where that is another one, else nothing."""
    import skops.io
    from sklearn.exceptions import InconsistentVersionWarning

    def find_version() -> str:
        found = [w.message for w in told if isinstance(w.message, InconsistentVersionWarning)]
        return str(found[0].original_sklearn_version) if found else ""

    with warnings.catch_warnings(record=True) as told:  # one of each part of it, which speak of pickle
        warnings.simplefilter("always", InconsistentVersionWarning)
        try:
            # Of ours only what the file does hold: a name that this scikit-learn lacks must not be looked up.
            head = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
        except Exception as error:
            if version := find_version():
                raise _tell_unusable(name, version, error) from error
            raise
    for other in told:
        if not isinstance(other.message, InconsistentVersionWarning):
            warn(str(other.message), other.category)
    return head, find_version()


def _try_out(name: str, head: Any, version: str) -> None:
    """Have a head of another scikit-learn answer for a code of zeros by all that it has to answer with."""
    if (size := getattr(head, "n_features_in_", None)) is not None:
        for method in ("predict", "predict_proba", "decision_function"):
            try:
                if answer := getattr(head, method, None):
                    answer(np.zeros((1, size), np.float32))
            except Exception as error:
                raise _tell_unusable(name, version, error) from error
    warn(
        f"{name} was saved with scikit-learn {version}, and another is installed here, which may answer"
        " otherwise: compare some answers, or fit it again",
        ResultWarning,
    )


def _tell_unusable(name: str, version: str, error: Exception) -> SavedModelError:
    from sklearn import __version__

    return SavedModelError(
        f"{name} was saved with scikit-learn {version}, and {__version__}, which is installed here, cannot"
        f" use its head ({error!r:.200}). Install scikit-learn {version}, or fit it again."
    )


def _canonical(data: bytes) -> bytes:
    """Number what skops names by addresses in memory and by the clock: equal heads give equal bytes."""
    archive = open_zip(data, _SKOPS)
    schema = json.loads(archive.read("schema.json"))
    ids: dict[int, int] = {}
    files: dict[str, str] = {}

    def rename(node: Any) -> Any:
        if isinstance(node, list):
            return [rename(item) for item in node]
        if not isinstance(node, dict):
            return node
        new = {key: rename(value) for key, value in node.items()}
        if isinstance(new.get("__id__"), int):
            new["__id__"] = ids.setdefault(new["__id__"], len(ids) + 1)
        if isinstance(new.get("file"), str) and new["file"] in archive.sizes:
            suffix = new["file"].rpartition(".")[2]
            new["file"] = files.setdefault(new["file"], f"{len(files)}.{suffix}")
        return new

    schema = json.dumps(rename(schema)).encode()
    return write_zip({"schema.json": schema} | {new: archive.read(old) for old, new in files.items()})


def _objects(root: Any) -> Iterator[Any]:
    """Yield every object with attributes inside `root`, once."""
    waiting, seen = [root], set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple | set):
            waiting.extend(value)
        elif isinstance(value, np.ndarray) and value.dtype == object:
            waiting.extend(value.ravel())
        if hasattr(value, "__dict__"):
            yield value
            waiting.extend(vars(value).values())


def _is_sound(owner: Any) -> bool:
    """Say whether the trees in `owner` stay inside their arrays: scikit-learn follows them unchecked."""
    values = vars(owner)
    if "tree_" in values:
        tree = values["tree_"]
        if type(tree).__name__ != "Tree" or values.get("n_features_in_") != tree.n_features:
            return False
        return _stays_inside(tree)
    members = values.get("estimators_")
    if members is None or "estimators_features_" in values:  # bagging checks each member's columns itself
        return True
    trees = [member for member in np.ravel(np.array(members, dtype=object)) if hasattr(member, "tree_")]
    return all(tree.n_features_in_ == getattr(owner, "n_features_in_", None) for tree in trees)


def _stays_inside(tree: Any) -> bool:
    count = tree.node_count
    if not 0 < count <= tree.capacity:
        return False
    inner = np.flatnonzero(tree.children_left != -1)
    for children in (tree.children_left[inner], tree.children_right[inner]):
        if not ((children > inner) & (children < count)).all():  # children come after their parent: no rings
            return False
    features = tree.feature[inner]
    return bool(((features >= 0) & (features < tree.n_features)).all())
