"""What ECharts draws, as its options. Pure: lists in, a dictionary that is JSON out.

Colours, fonts and the spelling of numbers are the browser's part (console.js). Whatever is drawn here stands in a table beside it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Option = dict[str, Any]
Names = Sequence[str]
Values = Sequence[float | int | None]

_GRID = {"left": 8, "right": 16, "top": 40, "bottom": 8, "containLabel": True}
_PALE = 0.18
_FEW = 14  # points that have room enough
_SHAPES = ("circle", "rect", "diamond", "triangle")


def bars(names: Names, series: Mapping[str, Values], *, across: bool = False, stacked: bool = False) -> Option:
    """Bars; `across` draws the first name at the top, with room for long names."""
    more = {"stack": "all"} if stacked else {}
    values: Option = {"type": "value", "minInterval": 1}
    kinds: Option = {"type": "category", "data": list(names), "inverse": across}
    drawn = [{"type": "bar", "name": name, "data": list(of), "barMaxWidth": 28} | more for name, of in series.items()]
    axes = {"xAxis": values, "yAxis": kinds} if across else {"xAxis": kinds, "yAxis": values}
    return _common(len(series)) | axes | {"series": drawn}


def lines(names: Names, series: Mapping[str, Values], *, bars: Names = ()) -> Option:
    """Lines over time; the series that `bars` names are drawn as bars."""
    drawn = [
        {
            "type": "bar" if name in bars else "line",
            "name": name,
            "data": list(of),
            "showSymbol": False,
            "barMaxWidth": 28,
        }
        for name, of in series.items()
    ]
    return _common(len(series)) | {
        "xAxis": {"type": "category", "data": list(names), "boundaryGap": bool(bars)},
        "yAxis": {"type": "value"},
        "series": drawn,
    }


class Interval(NamedTuple):
    """What was, what is expected, and between which bounds, on the same days; None where there is nothing to say."""

    days: Names
    was: Values
    expected: Values
    low: Values
    high: Values


def interval(given: Interval, names: tuple[str, str, str]) -> Option:
    """A line of what was, one of what is expected, and a band. `names`: of the two lines and of the band."""
    was, expected, band = names
    width = [
        h - low if h is not None and low is not None else None for low, h in zip(given.low, given.high, strict=True)
    ]
    quiet = {"type": "line", "stack": "band", "symbol": "none", "lineStyle": {"opacity": 0}, "silent": True}
    # A band is the difference stacked on its lower end, which itself is not seen.
    return _common(3) | {
        "legend": {"data": [was, expected, band], "top": 0, "type": "scroll"},
        "xAxis": {"type": "category", "data": list(given.days), "boundaryGap": False},
        "yAxis": {"type": "value"},
        "series": [
            {"type": "line", "name": was, "data": list(given.was), "showSymbol": False},
            {
                "type": "line",
                "name": expected,
                "data": list(given.expected),
                "showSymbol": False,
                "lineStyle": {"type": "dashed"},
            },
            quiet | {"name": "", "data": list(given.low), "tooltip": {"show": False}},
            quiet
            | {"name": band, "data": width, "areaStyle": {"opacity": _PALE}, "colour": 1, "tooltip": {"show": False}},
        ],
    }


class Node(NamedTuple):
    """A point of a graph: its id, what is written on it, and which kind it is of."""

    id: str
    label: str
    kind: int
    size: int = 26


class Edge(NamedTuple):
    """A line of a graph; `good` is whether it joins."""

    a: str
    b: str
    label: str
    good: bool


def graph(nodes: Sequence[Node], edges: Sequence[Edge], kinds: Names) -> Option:
    """Points and lines, pushed apart until they are readable. Each kind has a shape; lines that do not join are dashed.

    Many points are smaller and push each other less, so that all stay inside. Of labels that would cover each other one is left
    out. The browser draws closer together where it has less room.
    """
    crowd = max(1.0, len(nodes) / _FEW)
    force = {
        "repulsion": round(320 / crowd**0.6),
        "edgeLength": 110,
        "gravity": round(0.1 * crowd**0.6, 2),
        "layoutAnimation": False,
    }
    shapes = dict(zip(kinds, _SHAPES, strict=False))
    return {
        "aria": {"enabled": True},
        "tooltip": {"renderMode": "richText", "confine": True},
        "legend": {
            "data": [{"name": kind, "icon": shape} for kind, shape in shapes.items()],
            "top": 0,
            "itemWidth": 14,
        },
        "series": [
            {
                "type": "graph",
                "layout": "force",
                "roam": False,
                "draggable": True,
                "top": 56,  # a phone's legend has two lines
                "categories": [{"name": kind, "symbol": shape} for kind, shape in shapes.items()],
                "force": force,
                "labelLayout": {"hideOverlap": crowd > 1},
                "label": {"show": True, "position": "bottom"},
                "edgeSymbol": ["none", "none"],
                "data": [
                    {
                        "id": node.id,
                        "name": node.label,
                        "category": node.kind,
                        "symbolSize": round(node.size / crowd**0.4),
                    }
                    for node in nodes
                ],
                "links": [
                    {
                        "source": edge.a,
                        "target": edge.b,
                        "value": edge.label,
                        "lineStyle": {
                            "type": "solid" if edge.good else "dashed",
                            "width": 2,
                            "opacity": 0.9 if edge.good else 0.6,
                        },
                        "colour": "good" if edge.good else "bad",
                    }
                    for edge in edges
                ],
            }
        ],
    }


def _common(series: int) -> Option:
    # Rich text is drawn on the canvas: a tooltip of HTML would bring styles that the page's policy forbids.
    return {
        "aria": {"enabled": True},
        "animation": False,
        "grid": _GRID if series > 1 else _GRID | {"top": 16},
        "tooltip": {"trigger": "axis", "renderMode": "richText", "confine": True},
    } | ({"legend": {"top": 0, "type": "scroll"}} if series > 1 else {})
