"""Draws the plots of docs/plots: the same data give the same bytes with the same matplotlib.

The style is meant for a page 700 pixels wide, on paper, and for readers who do not tell red from green
(colours: Okabe and Ito, "Color universal design", 2008).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from plot_data import CHUNK, Figure, digest

_WIDTH = 8.0
_DPI = 175
_INK, _FAINT, _PALE, _GRID, _HELD = "#222222", "#5c5c5c", "#8a8a8a", "#e3e3e3", "#f6dfc6"
_FURTHEST = 3.0
"""Times over the median that are shown; what is beyond stands beside it in words."""
_COLOURS = {
    "speech": "#0072b2",
    "translation": "#009e73",
    "signs": "#d55e00",
    "scene": "#a8528a",
    "objects": "#a8528a",
    "hud": "#4d4d4d",
}
_PARTS = {
    "spectrogram": "#56b4e9",
    "encoder": "#0072b2",
    "decoder": "#7a9cc6",
    "detection": "#d55e00",
    "recognition": "#e69f00",
    "translation": "#009e73",
    "drawing": "#4d4d4d",
}
_FELT = {
    "temperature_c": ("processor, °C", "#d55e00"),
    "mhz": ("clock, MHz", "#009e73"),
    "load": ("load of all programs", "#4d4d4d"),
}
_UNITS = (("hours", 3600), ("minutes", 60), ("seconds", 1))
"""Of the time axis: the first of which there are two, or else the last."""
_EVENT_COLOURS = {"caption": _COLOURS["speech"], "label": _COLOURS["scene"], "sign": _COLOURS["signs"]}
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": _INK,
    "axes.edgecolor": _PALE,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "grid.color": _GRID,
    "legend.frameon": False,
}


def draw(figure: Figure, path: Path) -> None:
    """Write one plot as PNG with the digest of what it shows."""
    with mpl.rc_context({**mpl.rcParamsDefault, **_STYLE}):
        canvas = _DRAWINGS[figure["kind"]](figure)
        path.parent.mkdir(parents=True, exist_ok=True)
        canvas.savefig(path, dpi=_DPI, metadata={CHUNK: digest(figure), "Software": None}, facecolor="white")


def _latency(figure: Figure) -> Canvas:
    """Spread of the samples of each stage about its median: boxes, so that a fast stage is as easy to see as a slow."""
    canvas, axes = _rows(figure, "How much the time of one sample varies")
    furthest = max(row["shares_ms"][-1] / row["shares_ms"][2] for row in figure["rows"])
    limit = min(_FURTHEST, max(1.2, 1.05 * furthest))
    for place, row in enumerate(figure["rows"]):
        colour, median = _colour(row["stage"]), row["shares_ms"][2]
        p10, p25, _, p75, p90, p99 = (value / median for value in row["shares_ms"])
        axes.hlines(place, p10, min(p90, limit), color=colour, linewidth=1.6)
        axes.hlines(place, p25, min(p75, limit), color=colour, linewidth=8, alpha=0.4)
        axes.plot([1], [place], "o", color=colour, markersize=4.5)
        beyond = p99 > limit
        axes.plot([min(p99, limit)], [place], ">" if beyond else "|", color=colour, markersize=6 if beyond else 9)
        outside = f"99th at {p99:.1f}; " if beyond else ""
        _beside(axes, place, f"{outside}{_short(median)} ms", f"{_how(row)}, {row['count']} samples")
    axes.set_xlim(right=limit)
    axes.set_xlabel("time over the median of its stage, which stands on the right")
    axes.grid()
    handles = [
        Line2D([], [], marker="o", markersize=4.5, label="median", color=_PALE, linestyle="none"),
        Line2D([], [], color=_PALE, linewidth=8, alpha=0.4, label="middle half"),
        Line2D([], [], color=_PALE, linewidth=1.6, label="10th to 90th percentile"),
        Line2D([], [], marker="|", markersize=9, label="99th percentile", color=_PALE, linestyle="none"),
    ]
    _legend(canvas, handles)
    return canvas


def _floor(figure: Figure) -> Canvas:
    """Median beside the shortest time that the machine could take."""
    canvas, axes = _rows(figure, "Time of each stage, and the shortest this machine could take")
    for place, row in enumerate(figure["rows"]):
        colour, said = _colour(row["stage"]), f"{_short(row['p50_ms'])} ms"
        if row["floor_ms"]:
            axes.hlines(place, row["floor_ms"], row["p50_ms"], color=colour, linewidth=1.6, alpha=0.5)
            axes.plot([row["floor_ms"]], [place], "o", color="white", markeredgecolor=colour, markersize=6)
            said += f", {row['p50_ms'] / row['floor_ms']:.1f} x floor"
        axes.plot([row["p50_ms"]], [place], "o", color=colour, markersize=6.5)
        _beside(axes, place, said, _how(row))
    _logarithmic(axes, "milliseconds, logarithmic")
    handles = [
        Line2D([], [], marker="o", color=_PALE, linestyle="none", markersize=6.5, label="measured, median"),
        Line2D(
            [], [], marker="o", color="white", markeredgecolor=_PALE, linestyle="none",
            label="floor: its weights read once, its operations at the measured peak",
        ),
    ]  # fmt: skip
    _legend(canvas, handles)
    return canvas


def _parts(figure: Figure) -> Canvas:
    """What a caption and a read picture are made of, in a row."""
    rows = figure["rows"]
    canvas, axes = _canvas(figure, "Where the time of a caption and of a picture goes", 1.6 + 0.62 * len(rows))
    for place, row in enumerate(rows):
        left = 0.0
        for name, length in row["parts"]:
            axes.barh(place, length, left=left, height=0.56, color=_PARTS[name], edgecolor="white", linewidth=0.8)
            left += length
        alone = sum(length for _, length in row["parts"][: row["of"]])
        check = f"first {row['of']} parts: {_short(alone)} ms,\nmeasured as one: {_short(row['whole_ms'])} ms"
        _beside(axes, place, f"{_short(left)} ms", check)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [row["words"] for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(left=0)
    axes.grid(axis="x")
    axes.set_xlabel("milliseconds: medians of stages measured alone, one after the other")
    shown = [name for name in _PARTS if any(name == part for row in rows for part, _ in row["parts"])]
    canvas.legend(
        handles=[Patch(facecolor=_PARTS[name], label=name) for name in shown],
        loc="outside lower center", ncols=len(shown), fontsize=9, handlelength=1, columnspacing=1.2,
    )  # fmt: skip
    return canvas


def _glass(figure: Figure) -> Canvas:
    """Shares of events that were on the glass after a time."""
    canvas, axes = _canvas(figure, "From the world to the glass", 4.4)
    for curve in figure["curves"]:
        times = curve["ms"]
        shares = [100 * (rank + 1) / len(times) for rank in range(len(times))]
        dashes = "--" if curve["how"] == "alone" else "-"
        axes.step(
            [times[0], *times], [0, *shares], where="post", color=_EVENT_COLOURS[curve["event"]], linestyle=dashes,
            linewidth=1.9, label=f"{curve['words']}: {curve['how']} ({len(times)})",
        )  # fmt: skip
    axes.axhline(50, color=_GRID, linewidth=1, zorder=0)
    axes.axhline(90, color=_GRID, linewidth=1, zorder=0)
    axes.set_ylim(0, 101)
    axes.set_yticks([0, 25, 50, 75, 90, 100])
    axes.set_xlim(left=0)
    axes.grid(axis="x")
    axes.set_ylabel("% of them are there")
    axes.set_xlabel("milliseconds (number of events in brackets)")
    canvas.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=1, fontsize=9)
    return canvas


def _sustained(figure: Figure) -> Canvas:
    """Latency of captions over time, and beneath it what the processor felt."""
    below = [key for key in ("temperature_c", "mhz") if figure[key]] or ["load"] * bool(figure["load"])
    canvas = Canvas(figsize=(_WIDTH, 3.6 + 1.7 * len(below)), layout="constrained")
    every = canvas.subplots(1 + len(below), 1, sharex=True, squeeze=False, height_ratios=[2, *[1] * len(below)])[:, 0]
    unit, divisor = next((known for known in _UNITS if figure["seconds"] >= 2 * known[1]), _UNITS[-1])
    _title(canvas, figure, f"Captions over {figure['seconds'] / divisor:.0f} {unit} without a pause")
    _captions(every[0], figure, divisor)
    for axes, key in zip(every[1:], below, strict=True):
        words, colour = _FELT[key]
        axes.plot(*_over(figure[key], divisor), color=colour, linewidth=1.8)
        axes.set_ylabel(words)
        axes.grid(axis="y")
    for axes in every:
        _shade(axes, figure["throttled"], divisor)
    every[-1].set_xlabel(unit)
    every[-1].set_xlim(0, figure["seconds"] / divisor)
    canvas.align_ylabels(every)
    canvas.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    return canvas


def _captions(axes: Axes, figure: Figure, divisor: int) -> None:
    axes.plot(*_over(figure["points"], divisor), ".", color=_PALE, markersize=4, alpha=0.6, label="a caption")
    if len(figure["medians"]) > 1:
        axes.plot(*_over(figure["medians"], divisor), color=_COLOURS["speech"], linewidth=2, label="median of its time")
    if any(held for _, held in figure["throttled"]):
        axes.fill_between([], [], color=_HELD, linewidth=0, label="the processor is held back")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("last word to caption, ms")
    axes.grid(axis="y")


def _shade(axes: Axes, throttled: list[tuple[float, bool]], divisor: int) -> None:
    """Grey where a flag of the machine said that its clock was held back."""
    ends = [at for at, _ in throttled[1:]] + [at for at, _ in throttled[-1:]]
    for (at, held), until in zip(throttled, ends, strict=True):
        if held:
            axes.axvspan(at / divisor, until / divisor, color=_HELD, linewidth=0, zorder=0)


def _over(points: list[tuple[float, float]], divisor: int) -> tuple[list[float], list[float]]:
    return [at / divisor for at, _ in points], [value for _, value in points]


def _peers(figure: Figure) -> Canvas:
    """Our time over that of others on a logarithmic axis, where twice as fast is as far from 1 as twice as slow."""
    canvas, axes = _canvas(figure, "Our time over that of other programs", 1.4 + 0.34 * len(figure["rows"]))
    rows = figure["rows"]
    for place, row in enumerate(rows):
        colour = _colour(row["task"].split()[0])
        if row["interval"]:
            axes.hlines(place, *row["interval"], color=colour, linewidth=5, alpha=0.4)
        axes.plot([row["ratio"]], [place], "o", color=colour, markersize=5.5)
        _beside(axes, place, f"{row['ratio']:.2f}", f"{_short(row['ours_ms'])} against {_short(row['ms'])} ms")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [f"{row['task']}, {row['group']}\n{row['system']}" for row in rows], fontsize=8)
    axes.tick_params(axis="y", length=0)
    _logarithmic(axes, "ours / theirs, logarithmic; left of 1 we lead; the bar holds 90 % of resampled inputs")
    axes.xaxis.set_major_locator(LogLocator(base=10, subs=(0.1, 0.2, 0.5, 1)))
    axes.axvline(1, color=_INK, linewidth=1)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0.5), max(high, 1.3))
    return canvas


def _rows(figure: Figure, words: str) -> tuple[Canvas, Axes]:
    """A canvas with one line for each stage, the first on top."""
    rows = figure["rows"]
    canvas, axes = _canvas(figure, words, 1.5 + 0.34 * len(rows))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [row["stage"] for row in rows])
    axes.tick_params(axis="y", length=0)
    return canvas, axes


def _beside(axes: Axes, place: int, number: str, how: str) -> None:
    """A number to the right of a line, and in pale how it came about."""
    where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
    axes.annotate(number, (1, place), (8, -1), fontsize=8.5, va="bottom", **where)
    axes.annotate(how, (1, place), (8, -1), fontsize=7.5, va="top", color=_FAINT, **where)


def _how(row: dict[str, Any]) -> str:
    threads = f"{row['threads']} thread{'s' * (row['threads'] > 1)}"
    return ", ".join(filter(None, (row["how"], threads)))


def _canvas(figure: Figure, words: str, height: float) -> tuple[Canvas, Axes]:
    canvas = Canvas(figsize=(_WIDTH, height), layout="constrained")
    _title(canvas, figure, words)
    return canvas, canvas.subplots()


def _title(canvas: Canvas, figure: Figure, words: str) -> None:
    canvas.suptitle(f"{words}\n{figure['title']}", fontsize=11.5, x=0.01, ha="left")


def _legend(canvas: Canvas, handles: list[Line2D]) -> None:
    canvas.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=9)


def _logarithmic(axes: Axes, words: str) -> None:
    axes.set_xlabel(words)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(base=10))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="x", which="major")
    axes.grid(axis="y", linewidth=0.6)


def _colour(stage: str) -> str:
    return _COLOURS.get(stage.partition(".")[0], _INK)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"  # noqa: PLR2004 - two digits that count


_DRAWINGS: dict[str, Callable[[Figure], Canvas]] = {
    "latency": _latency,
    "floor": _floor,
    "parts": _parts,
    "glass": _glass,
    "sustained": _sustained,
    "soak": _sustained,
    "peers": _peers,
}
