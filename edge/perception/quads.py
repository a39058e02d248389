"""Quadrilaterals: how far apart, how much in common, and where a moving camera takes them."""

from __future__ import annotations

import math

from edge.results import Point, Quad

Matrix = tuple[tuple[float, float, float], tuple[float, float, float]]
"""An affine map: x' = a x + b y + c, y' = d x + e y + f."""


def moved(quad: Quad, matrix: Matrix) -> Quad:
    """The corners after an affine map."""
    (a, b, c), (d, e, f) = matrix
    first, second, third, fourth = ((a * x + b * y + c, d * x + e * y + f) for x, y in quad)
    return first, second, third, fourth


def farthest(one: Quad, other: Quad) -> float:
    """The largest distance between corners of the same name, pixels."""
    return max(math.dist(first, second) for first, second in zip(one, other, strict=True))


def middle(quad: Quad) -> Point:
    """The mean of the corners."""
    return sum(x for x, _ in quad) / 4, sum(y for _, y in quad) / 4


def bounds(quad: Quad) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    xs, ys = [x for x, _ in quad], [y for _, y in quad]
    return min(xs), min(ys), max(xs), max(ys)


def size(quad: Quad) -> tuple[float, float]:
    """Width along the text and height across it, pixels (the mean of both sides)."""
    width = (math.dist(quad[0], quad[1]) + math.dist(quad[3], quad[2])) / 2
    return width, (math.dist(quad[0], quad[3]) + math.dist(quad[1], quad[2])) / 2


def area(points: list[Point] | Quad) -> float:
    """Area of a simple polygon, square pixels (shoelace formula)."""
    return abs(_signed_area(list(points)))


def common_area(one: Quad, other: Quad) -> float:
    """Area that two convex quads share, square pixels (clipping after Sutherland and Hodgman)."""
    a, b = bounds(one), bounds(other)
    if a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]:
        return 0.0
    inside = list(one)
    clip = list(other) if _signed_area(list(other)) >= 0 else list(other)[::-1]
    for index, end in enumerate(clip):
        inside = _clipped(inside, clip[index - 1], end)
        if not inside:
            return 0.0
    return area(inside)


def overlap(one: Quad, other: Quad) -> float:
    """Intersection over union, 0..1."""
    shared = common_area(one, other)
    union = area(one) + area(other) - shared
    return shared / union if union > 0 else 0.0


def _signed_area(points: list[Point]) -> float:
    pairs = zip(points, points[1:] + points[:1], strict=True)
    return sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in pairs) / 2


def _clipped(points: list[Point], start: Point, end: Point) -> list[Point]:
    """What of a polygon lies on the inner side of the line from `start` to `end` (clockwise on the screen)."""
    run, rise = end[0] - start[0], end[1] - start[1]
    sides = [run * (y - start[1]) - rise * (x - start[0]) for x, y in points]
    kept: list[Point] = []
    for index, (point, side) in enumerate(zip(points, sides, strict=True)):
        before, side_before = points[index - 1], sides[index - 1]
        if (side < 0) != (side_before < 0):
            share = side_before / (side_before - side)
            kept.append((before[0] + share * (point[0] - before[0]), before[1] + share * (point[1] - before[1])))
        if side >= 0:
            kept.append(point)
    return kept
