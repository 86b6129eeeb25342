"""Imports go left only: each layer knows those before it, never those after it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

import cnncodes

PACKAGE = Path(cnncodes.__file__).parent

#: From left to right; those in one row do not know each other, `cnncodes/__init__.py` knows all.
ROWS = (
    ("choices", "ending", "errors", "lazy", "plain", "pointers"),
    ("disk", "machine", "output", "schema"),
    ("arguments",),
    ("images", "views", "backbones"),
    ("store",),
    ("embedding",),
    ("heads",),
    ("estimators",),
    ("evaluation",),
    ("plots",),
    ("report",),
    ("finetuning",),
    ("commands",),
    ("recipes",),
    ("cli",),
    ("__main__",),
)
RANK = {layer: rank for rank, row in enumerate(ROWS) for layer in row}

#: The calls that must reach to the right: (module, layer that it imports inside a function).
LAZY_ENTRY_POINTS: frozenset[tuple[str, str]] = frozenset({("estimators.classifier", "finetuning")})

#: Imports that close a circle of modules, each with why breaking it would be worse.
CIRCLES = frozenset(
    {
        ("backbones.session", "backbones.graphs.maps"),  # `Backbone.dense` makes what is made of a backbone
        ("estimators.base", "estimators.saving"),  # `ImageEstimator.save`
        ("estimators.classifier", "finetuning.estimating"),  # as in LAZY_ENTRY_POINTS
        # What estimators ask of their own parameters, which would make either module too long.
        ("estimators.parameters", "estimators.base"),
        ("estimators.parameters", "estimators.classifier"),
    }
)

#: Imported only inside the function that needs them.
NEVER_AT_THE_TOP = {
    "duckdb", "efficientnet_lite_pytorch", "matplotlib", "nvidia", "onnx", "onnxruntime", "onnxscript",
    "pandas", "polars", "safetensors", "skops", "timm", "torch", "torchvision",
}  # fmt: skip

#: Modules that are themselves loaded only when a head is trained; no others import scikit-learn first.
MAY_START_WITH_SKLEARN = (
    "heads.",
    "estimators.base",
    "estimators.classifier",
    "estimators.extractor",
    "estimators.multilabel",
    "estimators.parameters",
    "estimators.regressor",
    "evaluation.baselines.",
    "evaluation.checks.metadata",
    "evaluation.checks.number_metadata",
    "evaluation.checks.predicting",
    "evaluation.gain",
    "evaluation.precisions",
    "finetuning.examples",
)
#: Modules that only functions load, those that train a network; no others import torch first.
MAY_START_WITH_TORCH = (
    "finetuning.device",
    "finetuning.graph_module",
    "finetuning.losses",
    "finetuning.network",
    "finetuning.operators.activations",
    "finetuning.operators.arithmetic",
    "finetuning.operators.depthwise",
    "finetuning.operators.layers",
    "finetuning.operators.places",
    "finetuning.operators.pooling",
    "finetuning.operators.resizing",
    "finetuning.operators.shapes",
    "finetuning.operators.windows",
    "finetuning.stepping",
    "finetuning.training",
    "finetuning.writing",
)
MUST_WORK_WITHOUT_SKLEARN = {"heads", "heads.linear"}


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_name(path, PACKAGE): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported_names(tree: ast.AST, *, in_functions: bool = True) -> Iterator[str]:
    """Yield what is imported anywhere but for the type checker, relative imports spelled ``.name``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            otherwise = ast.Module(body=node.orelse, type_ignores=[])
            yield from imported_names(otherwise, in_functions=in_functions)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            yield from (f"{source}.{alias.name}" for alias in node.names)
        elif in_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imported_names(node, in_functions=in_functions)


def top_level_names(tree: ast.AST) -> set[str]:
    """Return the packages imported when the module is loaded."""
    return {name.split(".")[0] for name in imported_names(tree, in_functions=False)}


def used_of_face(tree: ast.AST) -> Iterator[str]:
    """Yield each ``name`` that a module reads as ``cnncodes.name``."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="cnncodes"), attr=name):
                yield name


def layers_of(tree: ast.AST) -> set[str]:
    """Return the layers that a module imports, also through the package's public face."""
    full = [name.split(".") for name in imported_names(tree)]
    names = {parts[1] for parts in full if parts[0] == "cnncodes" and len(parts) > 1}
    names |= set(used_of_face(tree))
    return {cnncodes._HOMES.get(name, name).split(".")[0] for name in names - {"__version__"}}


def modules_of(tree: ast.AST) -> set[str]:
    """Return the modules of the package that one imports anywhere, also for the type checker alone."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("cnncodes."):
            source = node.module.removeprefix("cnncodes.")
            names = [f"{source}.{alias.name}" for alias in node.names]
            found |= {name if name in MODULES else source for name in names}
    return found


def find_circle(arrows: dict[str, set[str]]) -> list[str]:
    """Return modules each of which imports the next, and the last is the first again; else nothing."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))  # which has them from what is imported on
    return []


def reaches(module: str, tree: ast.AST) -> list[str]:
    """Return the layers that a module imports although they are not to its left."""
    own = module.split(".")[0]
    others = layers_of(tree) - {own}
    return sorted(other for other in others if other not in RANK or RANK[other] >= RANK[own])


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return {module: ast.parse(path.read_text()) for module, path in MODULES.items()}


INNER = [module for module in MODULES if module != "__init__"]


def test_every_module_has_its_place() -> None:
    assert sorted({module.split(".")[0] for module in INNER} - set(RANK)) == []


def test_imports_go_left(trees: dict[str, ast.Module]) -> None:
    found = {(module, layer) for module in INNER for layer in reaches(module, trees[module])}
    assert found - LAZY_ENTRY_POINTS == set(), "(module, what it imports that is not to its left)"
    assert found >= LAZY_ENTRY_POINTS, "listed in vain"


def test_no_modules_import_each_other_in_a_circle(trees: dict[str, ast.Module]) -> None:
    """Not even inside functions, or for the type checker: one of them has something that is another's."""
    arrows = {module: modules_of(trees[module]) for module in INNER}
    for module, other in CIRCLES:
        arrows[module].remove(other)
    found = " -> ".join(find_circle(arrows))
    assert found == "", "move what closes the circle, or list it in CIRCLES with the reason"
    for module, other in CIRCLES:
        assert find_circle({**arrows, module: {*arrows[module], other}}), f"{module}, {other}: listed in vain"


def test_imports_within_the_package_are_absolute(trees: dict[str, ast.Module]) -> None:
    found = [(module, name) for module in INNER for name in imported_names(trees[module])]
    assert len(found) > len(INNER)
    assert [(module, name) for module, name in found if name.startswith(".")] == []


def test_heavy_packages_are_imported_where_they_are_needed(trees: dict[str, ast.Module]) -> None:
    found = {(module, name) for module in MODULES for name in top_level_names(trees[module])}
    allowed = {(module, "torch") for module in MAY_START_WITH_TORCH}
    assert {item for item in found - allowed if item[1] in NEVER_AT_THE_TOP} == set()


def parents_too(names: Iterator[str]) -> set[str]:
    """Return names as they are within the package, and what each may be taken from."""
    own = {name.removeprefix("cnncodes.") for name in names}
    return own | {name.rpartition(".")[0] for name in own}


def test_torch_is_loaded_by_functions_alone(trees: dict[str, ast.Module]) -> None:
    found = {
        module: parents_too(imported_names(trees[module], in_functions=False)) & set(MAY_START_WITH_TORCH)
        for module in MODULES
        if module not in MAY_START_WITH_TORCH
    }
    assert {module: names for module, names in found.items() if names} == {}


def test_sklearn_is_loaded_by_training_alone(trees: dict[str, ast.Module]) -> None:
    found = [module for module in MODULES if "sklearn" in top_level_names(trees[module])]
    others = {module for module in found if not module.startswith(MAY_START_WITH_SKLEARN)}
    assert others | (MUST_WORK_WITHOUT_SKLEARN & set(found)) == set()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from cnncodes.heads.linear import LinearScorer", ["heads"]),
        ("def f():\n    from cnncodes import embed", ["embedding"]),
        ("import cnncodes\ncnncodes.load('x')", ["estimators"]),
        ("import cnncodes\ncnncodes.__version__", []),
        ("from cnncodes.views import ViewPlan", ["views"]),
        ("from cnncodes.errors import UsageError", []),
        ("if TYPE_CHECKING:\n    from cnncodes.heads import linear", []),
        ("import cnncodes.novelty", ["novelty"]),
    ],
)
def test_the_check_sees_an_import_to_the_right(source: str, expected: list[str]) -> None:
    assert reaches("images.decoding", ast.parse(source)) == expected


def test_the_check_sees_a_circle() -> None:
    later = ast.parse("def f():\n    from cnncodes.views import plan, names")
    typed = ast.parse("if TYPE_CHECKING:\n    from cnncodes.views.view import View")
    assert modules_of(later) == {"views.plan", "views.names"}
    assert modules_of(typed) == {"views.view"}
    arrows = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": set()}
    circle = find_circle(arrows)
    assert len(circle) == 4 and all(other in arrows[one] for one, other in pairwise(circle))
    assert find_circle({"a": {"b"}, "b": {"c", "d"}, "c": {"d"}}) == []


def test_the_check_sees_a_heavy_import() -> None:
    source = """
import numpy
try:
    import torch
except ImportError:
    pass
class A:
    import pandas
    def f(self):
        import onnx
"""
    assert top_level_names(ast.parse(source)) & NEVER_AT_THE_TOP == {"torch", "pandas"}
