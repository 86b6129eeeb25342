"""Charts as SVG: axes, their numbers, and places between them; colours come from the page's style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cnncodes.evaluation.intervals import Estimate
from cnncodes.report.html import escape

#: What upwards shows at least.
_LEAST_SPAN = 0.02

#: Width and height of a chart, and what is left for the numbers and names of its axes.
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BELOW = 480, 340, 78, 14, 16, 56


@dataclass(frozen=True)
class Chart:
    """A chart with a logarithmic or a linear axis across, and a linear one upwards.

    Attributes
    ----------
    low, high : float
        Ends of the axis across, above 0 where it is logarithmic.
    bottom, top : float
        Ends of the axis upwards.
    step : float
        Between two of its numbers.
    across : float or None
        Between two numbers of the axis across, where that is linear.
    height : int
        In pixels, of a width of 480.
    """

    low: float
    high: float
    bottom: float
    top: float
    step: float
    across: float | None = None
    height: int = _HEIGHT

    @classmethod
    def fit_linear(cls, across: Sequence[float], upwards: Sequence[float]) -> Chart:
        """Return one with a linear axis across, of numbers of any size, that has room for these values.

        Examples
        --------
        >>> chart = Chart.fit_linear([-3.0, 41.0], [0.0, 1800.0])
        >>> [text for _, text in chart.list_ticks()], chart.bottom, chart.low < -3 < 41 < chart.high
        (['0', '10', '20', '30', '40'], 0.0, True)
        """
        low, high, step = _find_ends(across)
        bottom, top, upward = _find_ends(upwards)
        bottom = 0.0 if min(upwards) == 0 else bottom  # bars and errors start at the axis
        return cls(low, high, bottom, top, upward, step)

    @classmethod
    def fit_square(cls, values: Sequence[float]) -> Chart:
        """Return one with the same linear axis both ways, which is as high as it is wide.

        Examples
        --------
        >>> chart = Chart.fit_square([0.5, 2.0])
        >>> round(chart.x(2.0) - chart.x(1.0)) == round(chart.y(1.0) - chart.y(2.0))
        True
        """
        low, high, step = _find_ends(values)
        height = _WIDTH - _LEFT - _RIGHT + _TOP + _BELOW
        return cls(low, high, low, high, step, step, height)

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
        if self.across is None:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """Return the place of a value upwards, in pixels."""
        share = (value - self.bottom) / (self.top - self.bottom)
        return self.floor - min(1.0, max(0.0, share)) * (self.floor - _TOP)

    @property
    def left(self) -> float:
        """Where the axis across begins, in pixels."""
        return _LEFT

    @property
    def right(self) -> float:
        """Where it ends."""
        return _WIDTH - _RIGHT

    @property
    def floor(self) -> float:
        """Where the axis across lies, in pixels."""
        return self.height - _BELOW

    def list_ticks(self) -> list[tuple[float, str]]:
        """Return the numbers of a linear axis across, with their texts."""
        assert self.across is not None
        return [
            (value, say_tick(value, self.across)) for value in _list_between(self.low, self.high, self.across)
        ]

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
            f'<svg class="chart" viewBox="0 0 {_WIDTH} {self.height}" role="img"'
            f' aria-labelledby="{ident}-title {ident}-text">'
            f'<title id="{ident}-title">{escape(title)}</title>'
            f'<desc id="{ident}-text">{escape(described)}</desc>'
            f"{self._draw_axes(names, ticks)}{''.join(parts)}</svg>"
        )

    def draw_band(self, points: Sequence[tuple[float, Estimate]], kind: str) -> str:
        """Return a line through values, and a band between the ends of their intervals, those known."""
        places = [(self.x(value), one) for value, one in points]
        known = [(x, one) for x, one in places if math.isfinite(one.low) and math.isfinite(one.high)]
        upper = [f"{x:.1f} {self.y(one.high):.1f}" for x, one in known]
        lower = [f"{x:.1f} {self.y(one.low):.1f}" for x, one in reversed(known)]
        band = f'<path class="band {kind}" d="M{"L".join([*upper, *lower])}Z"/>' if len(known) > 1 else ""
        line = "L".join(f"{x:.1f} {self.y(one.value):.1f}" for x, one in places)
        return f'{band}<path class="line {kind}" d="M{line}"/>'

    def draw_disc(self, across: float, upwards: float, kind: str, said: str) -> str:
        """Return a disc at a point, with what is said of it, which is HTML already."""
        return (
            f'<circle class="{kind}" cx="{self.x(across):.1f}" cy="{self.y(upwards):.1f}" r="4.5">'
            f"<title>{said}</title></circle>"
        )

    def _draw_axes(self, names: tuple[str, str], ticks: Sequence[tuple[float, str]]) -> str:
        floor, middle, drawn = self.floor, (_LEFT + _WIDTH - _RIGHT) / 2, []
        for value in _list_between(self.bottom, self.top, self.step):
            y = self.y(value)
            drawn.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
            drawn.append(
                f'<text x="{_LEFT - 7}" y="{y + 5:.1f}" text-anchor="end">{say_tick(value, self.step)}</text>'
            )
        for value, text in ticks:
            x = self.x(value)
            drawn.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{floor}"/>')
            drawn.append(f'<text x="{x:.1f}" y="{floor + 22}" text-anchor="middle">{escape(text)}</text>')
        drawn.append(
            f'<text x="{middle}" y="{self.height - 10}" text-anchor="middle">{escape(names[0])}</text>'
        )
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


def _find_ends(values: Sequence[float]) -> tuple[float, float, float]:
    """Return ends with some room around values, and a round step."""
    low, high = min(values), max(values)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        room = abs(low) or 1.0
        low, high = low - room / 2, high + room / 2
    room = 0.04 * (high - low)
    return low - room, high + room, _find_step(high - low, 0.0)


def _list_between(low: float, high: float, step: float) -> list[float]:
    """Return the multiples of a step between two numbers."""
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def say_tick(value: float, step: float) -> str:
    """Return a number of an axis, with as many digits as the step to the next one needs.

    Examples
    --------
    >>> say_tick(0.7000000001, 0.05), say_tick(12000.0, 2000.0), say_tick(-1e-17, 0.5), say_tick(-20.0, 10.0)
    ('0.7', '12,000', '0', '−20')
    """
    value = round(value / step) * step + 0.0
    if step < 1e-5 or abs(value) >= 1e9:
        return f"{value:.3g}".replace("-", "−")
    text = f"{value:,.{max(0, -math.floor(math.log10(step)))}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")


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
