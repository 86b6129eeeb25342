"""What tests ask of a page in a browser."""

from __future__ import annotations

from typing import Any


def read_colors(page: Any) -> int:
    """Return how many pixels of the map are painted."""
    count: int = page.evaluate(
        "() => { const c = document.getElementById('map');"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; }"
    )
    return count


def settle(page: Any) -> None:
    """Wait until what was asked to be drawn is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def check_apart(chart: Any) -> None:
    """Fail where texts of a chart lie over each other."""
    boxes = chart.locator("text").evaluate_all(
        "(all) => all.map((text) => text.getBoundingClientRect())"
        ".map((box) => [box.left, box.top, box.right, box.bottom])"
    )
    for i, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[i + 1 :]:
            apart = right <= other[0] or other[2] <= left or bottom <= other[1] + 4 or other[3] <= top + 4
            assert apart, "texts of the chart lie over each other"


def check_whole(chart: Any) -> None:
    """Fail where a text of a chart is cut at its edge."""
    cut = chart.evaluate(
        """(chart) => {
          const edge = chart.getBoundingClientRect();  // a line is higher than its letters
          return [...chart.querySelectorAll('text')].filter((text) => {
            const box = text.getBoundingClientRect();
            return box.left < edge.left - 2 || box.right > edge.right + 2
              || box.top < edge.top - 2 || box.bottom > edge.bottom + 2;
          }).map((text) => text.textContent);
        }"""
    )
    assert not cut, f"texts are cut: {cut}"


def find_faint(page: Any) -> list[Any]:
    """Return texts whose contrast with what lies under them is below 4.5 (WCAG 2, AA)."""
    found: list[Any] = page.evaluate(
        """() => {
          const parse = (text) => text.match(/[\\d.]+/g).map(Number);
          const linear = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
          const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
          const under = (element) => {
            if (!element) return [255, 255, 255];
            const [r, g, b, a = 1] = parse(getComputedStyle(element).backgroundColor);
            if (a === 1) return [r, g, b];
            return under(element.parentElement).map((v, i) => [r, g, b][i] * a + v * (1 - a));
          };
          const found = [];
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const element = node.parentElement;
            const shown = node.textContent.trim() && element.checkVisibility();
            if (!shown || element.closest('svg, script')) continue;
            const a = light(parse(getComputedStyle(element).color)), b = light(under(element));
            const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            if (contrast < 4.5) found.push([contrast, node.textContent]);
          }
          return found;
        }"""
    )
    return found
