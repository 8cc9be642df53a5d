"""A shop's sales and their forecast as a chart: lines of text for a terminal, or SVG. Pure: days in, text out."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from xml.sax.saxutils import escape

BAR = 40
WIDTH, HEIGHT = 960, 320
LEFT, RIGHT, TOP, BOTTOM = 90, 20, 50, 40


class Day(NamedTuple):
    """What was sold, or what is forecast and within which bounds; minor units. Today may have both."""

    day: date
    sales: int | None
    forecast: int | None = None
    low: int | None = None
    high: int | None = None


def lines(days: Sequence[Day]) -> list[str]:
    """A line a day: █ is sold, ▒ is forecast, ─ reaches up to the upper end of the interval."""
    most = max((n for d in days for n in (d.sales, d.high) if n), default=1)
    return [f"{d.day:%Y-%m-%d %a}  {_bar(d, most):<{BAR}}  {_figures(d)}" for d in days]


def _bar(d: Day, most: int) -> str:
    sold, forecast, high = (round(BAR * max(0, n or 0) / most) for n in (d.sales, d.forecast, d.high))
    return "█" * sold + "▒" * (forecast - sold) + "─" * (high - max(sold, forecast))


def _figures(d: Day) -> str:
    if d.forecast is None:
        return _money(d.sales or 0)
    so_far = f", so far {_money(d.sales)}" if d.sales is not None else ""
    return f"{_money(d.forecast)} ({_money(d.low or 0)} to {_money(d.high or 0)}){so_far}"


def _money(cents: int) -> str:
    return f"{cents / 100:,.2f}"


def svg(title: str, days: Sequence[Day]) -> str:
    """The same as a picture: a line of what was sold, a dashed one of the forecast within its interval."""
    most = max((n for d in days for n in (d.sales, d.high) if n), default=1)
    least = min(0, *(d.sales or 0 for d in days))
    step = (WIDTH - LEFT - RIGHT) / max(1, len(days) - 1)

    def x(n: int) -> str:
        return f"{LEFT + n * step:.1f}"

    def y(cents: int) -> str:
        return f"{TOP + (HEIGHT - TOP - BOTTOM) * (most - cents) / (most - least):.1f}"

    sold = " ".join(f"{x(n)},{y(d.sales)}" for n, d in enumerate(days) if d.sales is not None and d.forecast is None)
    ahead = " ".join(f"{x(n)},{y(d.forecast)}" for n, d in enumerate(days) if d.forecast is not None)
    upper = [f"{x(n)},{y(d.high)}" for n, d in enumerate(days) if d.high is not None]
    lower = [f"{x(n)},{y(d.low)}" for n, d in enumerate(days) if d.low is not None]
    ticks = "".join(
        f'<text x="{x(n)}" y="{HEIGHT - 15}" text-anchor="middle">{d.day:%m-%d}</text>'
        for n, d in enumerate(days)
        if n % 7 == len(days) % 7
    )
    scale = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(cents)}" y2="{y(cents)}" stroke="#ddd"/>'
        f'<text x="{LEFT - 8}" y="{y(cents)}" text-anchor="end" dominant-baseline="middle">{cents / 100:,.0f}</text>'
        for cents in (least + (most - least) * n // 4 for n in range(5))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" '
        f'font-size="12" fill="#333"><title>{escape(title)}</title><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="{LEFT}" y="24" font-size="16">{escape(title)}</text>{scale}{ticks}'
        f'<polygon points="{" ".join([*upper, *reversed(lower)])}" fill="#1668dc" fill-opacity="0.15"/>'
        f'<polyline points="{sold}" fill="none" stroke="#333" stroke-width="2"/>'
        f'<polyline points="{ahead}" fill="none" stroke="#1668dc" stroke-width="2" stroke-dasharray="6 4"/></svg>\n'
    )
