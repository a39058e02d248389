"""Numbers that say how good answers are, and how alike the answers of two models are.

BLEU and chrF are sacreBLEU's with its defaults, word and character errors jiwer's; the average precision of detectors
is the area under the interpolated precision-recall curve, as COCO and PASCAL VOC since 2010 have it.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Box = tuple[float, float, float, float]
"""left, top, right, bottom in pixels."""

UNSPACED = frozenset({"zh", "ja", "th"})
"""Languages written without spaces: their errors are counted in characters."""


@dataclass(frozen=True)
class Score:
    """One measured number.

    Attributes:
        metric: `BLEU`, `chrF`, `WER`, `CER` (all 0..100), `top-1`, `top-5`, `mAP@0.5` (in percent).
        value: what was measured.
        better: which way is better.
        data: name of the data, never a path.
        items: how many sentences, clips or pictures.
    """

    metric: str
    value: float
    better: Literal["higher", "lower"]
    data: str
    items: int

    def loss_from(self, reference: Score) -> float:
        """How much worse than `reference` this is; negative where it is better."""
        worse = reference.value - self.value
        return worse if self.better == "higher" else -worse


@dataclass(frozen=True)
class Detection:
    """A box with a name and how sure it is (1.0 in references)."""

    label: str
    box: Box
    score: float = 1.0


def text_scores(said: Sequence[str], references: Sequence[str], data: str, language: str) -> list[Score]:
    """BLEU and chrF of translations into `language`."""
    import sacrebleu

    tokenizer = {"zh": "zh", "ja": "char", "th": "char"}.get(language, "13a")
    bleu = sacrebleu.corpus_bleu(list(said), [list(references)], tokenize=tokenizer)
    chrf = sacrebleu.corpus_chrf(list(said), [list(references)])
    found = (("BLEU", bleu.score), ("chrF", chrf.score))
    return [Score(name, float(value), "higher", data, len(said)) for name, value in found]


def error_rate(said: Sequence[str], references: Sequence[str], data: str, language: str) -> Score:
    """Word errors in percent of the words of the references, or of characters where a language has no spaces.

    Case, punctuation and accents of composition do not count.
    """
    import jiwer

    wanted, got = ([normalise(text) for text in texts] for texts in (references, said))
    if language in UNSPACED:
        wanted, got = ([" ".join(text.replace(" ", "")) for text in texts] for texts in (wanted, got))
    kept = [(want, answer) for want, answer in zip(wanted, got, strict=True) if want]
    rate = jiwer.wer([want for want, _ in kept], [answer for _, answer in kept]) if kept else 0.0
    return Score("CER" if language in UNSPACED else "WER", 100 * float(rate), "lower", data, len(kept))


def normalise(text: str) -> str:
    """Lower case, letters, digits and their marks only, single spaces."""
    text = unicodedata.normalize("NFKC", text.casefold()).replace("\u2019", "").replace("'", "")
    kept = (c if c.isalnum() or unicodedata.category(c) == "Mn" else " " for c in text)
    return " ".join("".join(kept).split())


def top_scores(rankings: Sequence[Sequence[str]], wanted: Sequence[str], data: str) -> list[Score]:
    """Top-1 and top-5 in percent of pictures; rankings have the best label first."""
    shares = {
        f"top-{depth}": 100 * float(np.mean([want in ranking[:depth] for ranking, want in _pairs(rankings, wanted)]))
        for depth in (1, 5)
    }
    return [Score(name, value, "higher", data, len(wanted)) for name, value in shares.items()]


def _pairs(rankings: Sequence[Sequence[str]], wanted: Sequence[str]) -> list[tuple[Sequence[str], str]]:
    return list(zip(rankings, wanted, strict=True))


def mean_average_precision(
    found: Sequence[Sequence[Detection]], wanted: Sequence[Sequence[Detection]], data: str
) -> Score:
    """Mean over labels of the average precision at an overlap of one half, in percent.

    Args:
        found: detections of every picture.
        wanted: reference boxes of every picture; labels that no reference has are not counted.
        data: name of the data.
    """
    labels = sorted({box.label for boxes in wanted for box in boxes})
    values = [_average_precision(_of(found, label), _of(wanted, label)) for label in labels]
    return Score("mAP@0.5", 100 * float(np.mean(values)) if values else 0.0, "higher", data, len(wanted))


def _of(pictures: Sequence[Sequence[Detection]], label: str) -> list[list[Detection]]:
    return [[box for box in boxes if box.label == label] for boxes in pictures]


def _average_precision(found: Sequence[Sequence[Detection]], wanted: Sequence[Sequence[Detection]]) -> float:
    by_score = sorted(
        ((box, picture) for picture, boxes in enumerate(found) for box in boxes), key=lambda pair: -pair[0].score
    )
    taken: dict[int, set[int]] = defaultdict(set)
    hits = []
    for box, picture in by_score:
        overlaps = [0.0 if n in taken[picture] else overlap(box.box, w.box) for n, w in enumerate(wanted[picture])]
        best = int(np.argmax(overlaps)) if overlaps else -1
        is_hit = best >= 0 and overlaps[best] >= 0.5  # noqa: PLR2004 - the 0.5 of mAP@0.5
        if is_hit:
            taken[picture].add(best)
        hits.append(is_hit)
    if not any(hits):
        return 0.0
    right = np.cumsum(hits)
    precision = np.maximum.accumulate((right / np.arange(1, len(hits) + 1))[::-1])[::-1]
    recall = np.concatenate([[0.0], right / sum(map(len, wanted))])
    return float(np.sum(np.diff(recall) * precision))


def overlap(one: Box, other: Box) -> float:
    """Intersection of two boxes over their union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (sum(areas) - width * height)


def same_texts(one: Sequence[str], other: Sequence[str]) -> float:
    """Share of words (characters, in a text without spaces) that two lists of texts agree in, 0..1.

    1 - the edit distance over the length of the longer one, over all texts together.
    """
    pairs = [(_units(a), _units(b)) for a, b in zip(one, other, strict=True)]
    longest = sum(max(len(a), len(b)) for a, b in pairs)
    return 1 - sum(_distance(a, b) for a, b in pairs) / longest if longest else 1.0


def _units(text: str) -> list[str]:
    words = text.split()
    return list(text) if len(words) == 1 else words


def _distance(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    row = list(range(len(other) + 1))
    for number, item in enumerate(one, 1):
        before, row[0] = row[0], number
        for place, candidate in enumerate(other, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (item != candidate))
    return row[-1]


def same_first(one: Sequence[Sequence[str]], other: Sequence[Sequence[str]]) -> float:
    """Share of pictures whose best label is the same, 0..1."""
    return float(np.mean([a[0] == b[0] for a, b in zip(one, other, strict=True)]))


def same_boxes(one: Sequence[Sequence[Detection]], other: Sequence[Sequence[Detection]], most: int = 10) -> float:
    """Share of the `most` surest boxes of `one` in each picture that `other` has too, with the same label, 0..1."""
    shares = [_found_again(a, b, most) for a, b in zip(one, other, strict=True) if a]
    return float(np.mean(shares)) if shares else 1.0


def _found_again(one: Sequence[Detection], other: Sequence[Detection], most: int) -> float:
    surest: Callable[[Detection], float] = lambda box: -box.score  # noqa: E731 - one key for both
    wanted, candidates = sorted(one, key=surest)[:most], sorted(other, key=surest)[: 2 * most]
    hits = [
        any(box.label == want.label and overlap(box.box, want.box) >= 0.5 for box in candidates)  # noqa: PLR2004 - half
        for want in wanted
    ]
    return sum(hits) / len(hits)
