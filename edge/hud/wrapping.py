"""Text into lines of a given width, and long subtitles into parts that fit.

Pure functions of a measure. Lines are balanced as in good subtitles: as few lines as possible, then breaks after
punctuation, then lines of like length; or filled greedily (`steady`), so that growing text moves no placed word.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from itertools import accumulate, pairwise

from edge.hud.breaking import break_rank, clean, clusters, pieces, takes_hyphen

Width = Callable[[str], float]
"""Text -> width in pixels."""

ELLIPSIS = "…"
MAX_PARTS = 48
_BREAK_GAIN = (0.0, 0.25, 0.5)
_PUNCTUATION_BONUS = (0.0, 0.05, 0.09)


def wrap(text: str, width: float, measure: Width, steady: bool = False) -> list[str]:
    """Lines of `text`, each at most `width` pixels wide (a single character may be wider); [] for empty text."""
    units = _units(clean(text), width, measure)
    if not units:
        return []
    greedy = _greedy(units, width, measure)
    if steady or len(greedy) < 2 or len(greedy) > 6:  # noqa: PLR2004 - balancing a page of lines is not worth its time
        return [_joined(units[a:b]) for a, b in greedy]
    return [_joined(units[a:b]) for a, b in _balanced(units, len(greedy), width, measure)]


def clip(lines: list[str], count: int, width: float, measure: Width) -> list[str]:
    """At most `count` lines; where some are left out the last one ends in an ellipsis and still fits."""
    if len(lines) <= count:
        return lines
    return [*lines[: count - 1], shorten(lines[count - 1] + ELLIPSIS, width, measure)] if count > 0 else []


def shorten(text: str, width: float, measure: Width) -> str:
    """`text`, or its beginning with an ellipsis, at most `width` wide; empty if not even that fits."""
    if measure(text) <= width:
        return text
    characters = clusters(text.rstrip(ELLIPSIS))
    low, high = 0, len(characters)
    while low < high:
        middle = (low + high + 1) // 2
        if measure("".join(characters[:middle]).rstrip() + ELLIPSIS) <= width:
            low = middle
        else:
            high = middle - 1
    if low == 0:
        return ELLIPSIS if measure(ELLIPSIS) <= width else ""
    return "".join(characters[:low]).rstrip() + ELLIPSIS


def split(
    source: str,
    text: str,
    fits: Callable[[str, str], bool],
    steady: bool = False,
) -> list[tuple[str, str]]:
    """Cut a subtitle into the fewest parts for which `fits(source part, text part)` holds.

    Both languages are cut into the same number of parts at like fractions, at the ends of sentences or clauses
    where one is near. With `steady`, parts are filled in order and a growing text keeps its earlier parts.
    """
    source, text = clean(source), clean(text)
    if fits(source, text):
        return [(source, text)]
    if steady:
        return _filled(source, text, fits)
    for count in range(2, MAX_PARTS + 1):
        parts = _cut(source, text, count)
        if all(fits(a, b) for a, b in parts):
            return parts
    return _filled(source, text, fits)


def _filled(source: str, text: str, fits: Callable[[str, str], bool]) -> list[tuple[str, str]]:
    """Each language filled by itself into parts that fit, side by side; the shorter list ends in empty parts."""
    sources = _fill(source, lambda part: fits(part, ""))
    texts = _fill(text, lambda part: fits("", part))
    count = max(len(sources), len(texts))
    sources += [""] * (count - len(sources))
    texts += [""] * (count - len(texts))
    return list(zip(sources, texts, strict=True))


def _fill(text: str, fits: Callable[[str], bool]) -> list[str]:
    parts: list[str] = []
    for unit in pieces(text):
        if parts and fits((parts[-1] + unit).strip()):
            parts[-1] += unit
        else:
            parts.append(unit)
    return [part.strip() for part in parts if part.strip()]


def _cut(source: str, text: str, count: int) -> list[tuple[str, str]]:
    """`count` parts of like length; some are empty when there are fewer pieces than parts.

    The translation is cut first, the source where the translation was: at the same sentence if both have as many.
    """
    units, source_units = pieces(text) or pieces(source), pieces(source)
    cuts = _cuts(units, [n / count for n in range(1, count)])
    total = sum(map(len, units))
    source_cuts = _cuts(source_units, [len("".join(units[:cut])) / total for cut in cuts])
    ends, source_ends = _sentence_ends(units), _sentence_ends(source_units)
    if len(ends) == len(source_ends):
        same = dict(zip(ends, source_ends, strict=True))
        source_cuts = [same.get(cut, other) for cut, other in zip(cuts, source_cuts, strict=True)]
        source_cuts = list(accumulate(source_cuts, max))
    texts = _between(units, cuts) if text else [""] * count
    return list(zip(_between(source_units, source_cuts), texts, strict=True))


def _between(units: list[str], cuts: list[int]) -> list[str]:
    return ["".join(units[a:b]).strip() for a, b in pairwise([0, *cuts, len(units)])]


def _sentence_ends(units: list[str]) -> list[int]:
    """Behind which units a sentence ends, counted from 1."""
    return [n for n, unit in enumerate(units, 1) if break_rank(unit) == 2]  # noqa: PLR2004 - a sentence ends


def _cuts(units: list[str], shares: list[float]) -> list[int]:
    """The best units to cut before, near the given shares of the length, in order."""
    lengths = [0, *accumulate(map(len, units))]
    reach = max(1.0, lengths[-1] / (len(shares) + 1))
    cuts: list[int] = []
    for share in shares:
        choices = range(cuts[-1] if cuts else 0, len(units) + 1)
        cuts.append(min(choices, key=partial(_distance, units, lengths, share * lengths[-1], reach)))
    return cuts


def _distance(units: list[str], lengths: list[int], ideal: float, reach: float, cut: int) -> float:
    """How bad it is to cut before unit `cut`: distance from the ideal, less where a sentence or clause ends."""
    distance = abs(lengths[cut] - ideal) / reach
    if cut == 0:
        return distance
    return distance - _BREAK_GAIN[break_rank(units[cut - 1], units[cut] if cut < len(units) else "")]


def _units(text: str, width: float, measure: Width) -> list[str]:
    """Pieces of `text`, those too wide for a line cut into fragments that fit; fragments carry their hyphen."""
    units: list[str] = []
    for piece in pieces(text):
        if measure(piece.rstrip()) <= width:
            units.append(piece)
        else:
            units.extend(_fragments(piece, width, measure))
    return units


def _fragments(piece: str, width: float, measure: Width) -> list[str]:
    fragments, current = [], ""
    for cluster in clusters(piece):
        hyphen = "-" if current and takes_hyphen(current, cluster) else ""
        if current and measure((current + cluster).rstrip() + hyphen) > width:
            room = measure(current + hyphen) <= width
            fragments.append(current + (_SOFT_HYPHEN if hyphen and room else ""))
            current = cluster
        else:
            current += cluster
    return [*fragments, current]


_SOFT_HYPHEN = "\u00ad"


def _joined(units: list[str]) -> str:
    """One line: hyphens show only where the line ends."""
    line = "".join(units).rstrip()
    shown = "-" if line.endswith(_SOFT_HYPHEN) else ""
    return line.replace(_SOFT_HYPHEN, "") + shown


def _greedy(units: list[str], width: float, measure: Width) -> list[tuple[int, int]]:
    """Spans of units, each line as full as it gets. A forward estimate, then corrected by the true measure."""
    widths = [measure(unit) for unit in units]
    spans, start = [], 0
    while start < len(units):
        stop, total = start + 1, widths[start]
        while stop < len(units) and total + widths[stop] <= width:
            total += widths[stop]
            stop += 1
        while stop > start + 1 and measure(_joined(units[start:stop])) > width:
            stop -= 1
        while stop < len(units) and measure(_joined(units[start : stop + 1])) <= width:
            stop += 1
        spans.append((start, stop))
        start = stop
    return spans


def _balanced(units: list[str], count: int, width: float, measure: Width) -> list[tuple[int, int]]:
    """The least ragged division into exactly `count` lines, dynamic programming over the break points.

    Widths of lines are estimated as sums over their units; the greedy division stands where the truth differs.
    """
    sums = [0.0]
    for unit in units:
        sums.append(sums[-1] + measure(unit))
    ends = [sums[n] + measure(_joined([unit])) for n, unit in enumerate(units)]

    @cache
    def best(start: int, lines: int) -> tuple[float, tuple[int, ...]]:
        found: tuple[float, tuple[int, ...]] = (float("inf"), (len(units),) * lines)
        first = len(units) if lines == 1 else start + 1
        for stop in range(first, len(units) - lines + 2):
            filled = (ends[stop - 1] - sums[start]) / width
            if filled > 1:
                break
            later, stops = best(stop, lines - 1) if lines > 1 else (0.0, ())
            cost = later + (1 - filled) ** 2
            if lines > 1:
                cost -= _PUNCTUATION_BONUS[break_rank(units[stop - 1], units[stop])]
            if cost < found[0]:
                found = (cost, (stop, *stops))
        return found

    cost, stops = best(0, count)
    spans = list(zip((0, *stops), stops, strict=False))
    if cost == float("inf") or any(measure(_joined(units[a:b])) > width for a, b in spans):
        return _greedy(units, width, measure)
    return spans
