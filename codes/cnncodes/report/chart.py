"""Charts as SVG: axes, their numbers, and places between them; colours come from the page's style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cnncodes.report.html import escape

#: What upwards shows at least.
_LEAST_SPAN = 0.02

#: Width and height of a chart, and what is left for the numbers and names of its axes.
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BELOW = 480, 340, 78, 14, 16, 56


@dataclass(frozen=True)
class Chart:
    """A chart with a logarithmic axis across and a linear one upwards.

    Attributes
    ----------
    low, high : float
        Ends of the axis across, above 0.
    bottom, top : float
        Ends of the axis upwards.
    step : float
        Between two of its numbers.
    """

    low: float
    high: float
    bottom: float
    top: float
    step: float

    @classmethod
    def fit(cls, across: Sequence[float], upwards: Sequence[float], *, shares: bool = True) -> Chart:
        """Return one that has room for these values, of which those that are not finite do not count.

        `shares` is false where those upwards have a unit, and may be as small or as large as that makes them.

        Examples
        --------
        >>> chart = Chart.fit([2.0, 90.0], [0.71, 0.88])
        >>> chart.bottom, chart.top, chart.low < 2 < 90 < chart.high
        (0.7, 0.9, True)
        >>> chart = Chart.fit([2.0, 90.0], [1.1e-5, 3.9e-5], shares=False)
        >>> chart.bottom, chart.top
        (1e-05, 4e-05)
        """
        values = [value for value in upwards if math.isfinite(value)] or [0.0, 1.0]
        least = _LEAST_SPAN if shares else _LEAST_SPAN * max(map(abs, values)) or 1.0
        step = _find_step(max(max(values) - min(values), least), 0.001 if shares else 0.0)
        bottom = math.floor(min(values) / step + 1e-9) * step
        top = max(math.ceil(max(values) / step - 1e-9) * step, bottom + step)
        if shares and max(values) <= 1 < top:
            bottom, top = max(0.0, bottom + 1 - top), 1.0
        margin = (max(across) / min(across)) ** 0.06 * 1.1
        bottom, top = (float(f"{end:.9g}") for end in (bottom, top))
        return cls(min(across) / margin, max(across) * margin, bottom, top, step)

    def x(self, value: float) -> float:
        """Return the place of a value across, in pixels."""
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """Return the place of a value upwards, in pixels."""
        share = (value - self.bottom) / (self.top - self.bottom)
        return _HEIGHT - _BELOW - min(1.0, max(0.0, share)) * (_HEIGHT - _BELOW - _TOP)

    @property
    def left(self) -> float:
        """Where the axis across begins, in pixels."""
        return _LEFT

    @property
    def right(self) -> float:
        """Where it ends."""
        return _WIDTH - _RIGHT

    @property
    def room(self) -> tuple[float, float, float, float]:
        """The middle of what is left for points, in pixels, and half its width and height."""
        width, height = (_WIDTH - _LEFT - _RIGHT) / 2, (_HEIGHT - _BELOW) / 2
        return _LEFT + width, height, width, height

    def draw(
        self,
        ident: str,
        title: str,
        described: str,
        names: tuple[str, str],
        ticks: Sequence[tuple[float, str]],
        parts: Sequence[str],
    ) -> str:
        """Return the chart as SVG.

        Parameters
        ----------
        ident : str
            Unique on the page.
        title, described : str
            For screen readers; the second may hold whatever text.
        names : tuple of str
            Of the axis across and of that upwards.
        ticks : sequence of (float, str)
            Values across with their texts.
        parts : sequence of str
            What is drawn on it.
        """
        return (
            f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
            f' aria-labelledby="{ident}-title {ident}-text">'
            f'<title id="{ident}-title">{escape(title)}</title>'
            f'<desc id="{ident}-text">{escape(described)}</desc>'
            f"{self._draw_axes(names, ticks)}{''.join(parts)}</svg>"
        )

    def _draw_axes(self, names: tuple[str, str], ticks: Sequence[tuple[float, str]]) -> str:
        floor, middle, drawn = _HEIGHT - _BELOW, (_LEFT + _WIDTH - _RIGHT) / 2, []
        for i in range(round((self.top - self.bottom) / self.step) + 1):
            value = self.bottom + i * self.step
            y = self.y(value)
            drawn.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
            drawn.append(f'<text x="{_LEFT - 7}" y="{y + 5:.1f}" text-anchor="end">{value:.5g}</text>')
        for value, text in ticks:
            x = self.x(value)
            drawn.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{floor}"/>')
            drawn.append(f'<text x="{x:.1f}" y="{floor + 19}" text-anchor="middle">{escape(text)}</text>')
        drawn.append(f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(names[0])}</text>')
        drawn.append(
            f'<text transform="translate(15 {(_TOP + floor) / 2}) rotate(-90)" text-anchor="middle">'
            f"{escape(names[1])}</text>"
        )
        return "".join(drawn)


def _find_step(extent: float, least: float) -> float:
    """Return a round step of which there are about five in an extent; none below the least."""
    rough = max(extent / 5, least)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def list_decades(low: float, high: float) -> list[float]:
    """Return round numbers between two, a few of them.

    Examples
    --------
    >>> list_decades(0.3, 40), list_decades(3, 8)
    ([1.0, 10.0], [5.0])
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [10.0**power for power in decades if low <= 10.0**power <= high]
    if len(found) < 2:
        finer = [float(f"{factor}e{power}") for power in decades for factor in (1, 2, 5)]
        more = [value for value in finer if low <= value <= high]
        found = more if len(more) > len(found) else found
    return found
