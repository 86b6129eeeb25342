"""Depthwise convolutions that are trained faster: the numbers and gradients of torch's own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402, N812

from cnncodes.finetuning.operators.depthwise import convolve_depthwise, is_slow  # noqa: E402

pytestmark = pytest.mark.torch

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@st.composite
def convolutions(draw: Any) -> tuple[tuple[int, int], ...]:
    """Kernels, strides, paddings and sizes of images, which may be smaller than the kernel."""
    kernel = draw(st.tuples(st.integers(1, 11), st.integers(1, 11)))
    padding = draw(st.tuples(st.integers(0, 5), st.integers(0, 5)))
    sizes = [draw(st.integers(max(1, side - 2 * pad), 12)) for side, pad in zip(kernel, padding, strict=True)]
    return kernel, draw(pairs), padding, tuple(sizes)


def draw(*shape: int) -> Any:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def differentiate(function: Any, *inputs: Any) -> list[Any]:
    """Return what comes out, and the gradient of each input."""
    leaves = [one.detach().clone().requires_grad_() for one in inputs]
    found = function(*leaves)
    found.float().sin().sum().backward()
    return [found.detach(), *(leaf.grad for leaf in leaves)]


@settings(max_examples=60, deadline=None)
@example(shapes=((7, 7), (1, 1), (3, 3), (2, 2)))  # columns that meet nothing but padding
@given(shapes=convolutions())
def test_gradients_are_torchs(shapes: tuple[tuple[int, int], ...]) -> None:
    kernel, strides, padding, sizes = shapes
    inputs = draw(2, 4, *sizes), draw(4, 1, *kernel), draw(4)
    found = differentiate(lambda *given: convolve_depthwise(*given, strides, padding), *inputs)
    expected = differentiate(lambda *given: F.conv2d(*given, strides, padding, 1, 4), *inputs)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_in_bf16_it_is_near_what_torch_gives(strides: tuple[int, int]) -> None:
    inputs = [one.float() for one in (draw(2, 8, 9, 9), draw(8, 1, 5, 5), draw(8))]

    def run(function: Any) -> list[Any]:
        with torch.autocast("cpu", torch.bfloat16):
            return differentiate(function, *inputs)

    found = run(lambda *given: convolve_depthwise(*given, strides, (2, 2)))
    expected = run(lambda *given: F.conv2d(*given, strides, 2, 1, 8))
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert (one - other).abs().max() < 0.02 * other.abs().max()


def test_other_convolutions_are_left_to_torch() -> None:
    def ask(weight: Any, strides: tuple[int, ...] = (1, 1), dilations: tuple[int, ...] = (1, 1)) -> bool:
        return is_slow(draw(1, 4, 9, 9), weight, strides, dilations)

    assert ask(draw(4, 1, 5, 5)) and ask(draw(4, 1, 3, 3), (2, 2))
    assert not ask(draw(4, 1, 3, 3)) and not ask(draw(4, 1, 5, 5), dilations=(2, 2))
    assert not ask(draw(8, 1, 5, 5))  # two of each channel
    assert not is_slow(draw(1, 4, 9), draw(4, 1, 5), (1,), (1,))
