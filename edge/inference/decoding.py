"""Sequence decoding: tokens one after another from a step function, greedily or with a beam.

Knows nothing of speech or text: a step gives logits for the next token, rules forbid some, guards stop a loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Tokens = npt.NDArray[np.int64]
Past = tuple[Floats, ...]
"""Recurrent state of a decoder; the first axis of every array is the batch."""

Step = Callable[[Tokens, Past], tuple[Floats, Past]]
"""(tokens int64 [batch, n], past) -> (logits float32 [batch, vocabulary] behind the last token, new past)."""

Stop = Literal["end", "repetition", "length"]

_SHORT_PERIOD = 3
_COPIES_SHORT = 5
_COPIES = 3
_LONGEST_PERIOD = 24
_BLOCK = 64


@dataclass(frozen=True)
class Rules:
    """What may be decoded.

    Attributes:
        end: token that ends a sequence.
        forbidden: float32 [vocabulary], 0 or -inf, added to the logits of every step.
        forbidden_first: the same for the first step.
        max_tokens: longest sequence, without `end`.
    """

    end: int
    forbidden: Floats = field(repr=False)
    forbidden_first: Floats = field(repr=False)
    max_tokens: int


@dataclass(frozen=True)
class Decoded:
    """A finished sequence.

    Attributes:
        tokens: without the end token.
        log_probabilities: of every token, and of the end token when that was reached.
        stop: why it ended.
    """

    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    stop: Stop

    @property
    def mean_log_probability(self) -> float:
        """Mean over all steps, the end token included; 0 for nothing."""
        return sum(self.log_probabilities) / len(self.log_probabilities) if self.log_probabilities else 0.0


def greedy(step: Step, logits: Floats, past: Past, rules: Rules) -> Decoded:
    """The likeliest token at every step.

    Args:
        step: the decoder.
        logits: float32 [1, vocabulary], what it said behind the prompt.
        past: its state behind the prompt.
        rules: what may be decoded.
    """
    tokens: list[int] = []
    scores: list[float] = []
    while True:
        row = logits[0] + (rules.forbidden if tokens else rules.forbidden_first)
        token = int(row.argmax())
        scores.append(float(row[token]) - _log_sum_exp(row))
        if token == rules.end:
            return Decoded(tuple(tokens), tuple(scores), "end")
        tokens.append(token)
        kept = without_loop(tokens)
        if len(kept) < len(tokens):
            return Decoded(tuple(kept), tuple(scores[: len(kept)]), "repetition")
        if len(tokens) >= rules.max_tokens:
            return Decoded(tuple(tokens), tuple(scores), "length")
        logits, past = step(np.array([[token]], np.int64), past)


def beam(step: Step, logits: Floats, past: Past, rules: Rules, width: int, lag: float = math.inf) -> Decoded:
    """The sequence of highest mean log-probability that a beam of `width` finds.

    Args:
        step: the decoder; called with batches of up to `width`.
        logits: float32 [1, vocabulary], what it said behind the prompt.
        past: its state behind the prompt, batch 1.
        rules: what may be decoded.
        width: most hypotheses kept.
        lag: a hypothesis this much less likely (in log-probability) than the best is dropped, so that the beam is
            narrow, and fast, where the decoder is sure.
    """
    live: list[_Hypothesis] = [_Hypothesis((), ())]
    finished: list[Decoded] = []
    while True:
        live, parents, ended = _grow(live, logits, rules, width, lag)
        finished += ended
        if len(finished) >= width or not live:
            break
        if len(live[0].tokens) >= rules.max_tokens:
            finished += [Decoded(item.tokens, item.scores, "length") for item in live]
            break
        past = tuple(part[parents] for part in past)
        logits, past = step(np.array([item.tokens[-1:] for item in live], np.int64), past)
    return max(finished, key=lambda found: found.mean_log_probability)


@dataclass(frozen=True)
class _Hypothesis:
    tokens: tuple[int, ...]
    scores: tuple[float, ...]

    @property
    def total(self) -> float:
        return sum(self.scores)


def _grow(
    live: Sequence[_Hypothesis], logits: Floats, rules: Rules, width: int, lag: float
) -> tuple[list[_Hypothesis], list[int], list[Decoded]]:
    """The best continuations: still open ones, the row each came from, and those that ended."""
    candidates: list[tuple[float, int, int, float]] = []
    for row, hypothesis in enumerate(live):
        scores = logits[row] + (rules.forbidden if hypothesis.tokens else rules.forbidden_first)
        total = _log_sum_exp(scores)
        for token in _top(scores, width + 1):
            score = float(scores[token]) - total
            candidates.append((hypothesis.total + score, row, int(token), score))
    candidates.sort(key=lambda item: (-item[0], item[1], item[2]))
    grown: list[_Hypothesis] = []
    parents: list[int] = []
    ended: list[Decoded] = []
    for total, row, token, score in candidates:
        if total < candidates[0][0] - lag:
            break
        before = live[row]
        if token == rules.end:
            ended.append(Decoded(before.tokens, (*before.scores, score), "end"))
            continue
        tokens = (*before.tokens, token)
        kept = without_loop(tokens)
        if len(kept) < len(tokens):
            ended.append(Decoded(tuple(kept), (*before.scores, score)[: len(kept)], "repetition"))
            continue
        grown.append(_Hypothesis(tokens, (*before.scores, score)))
        parents.append(row)
        if len(grown) == width:
            break
    return grown, parents, ended


def without_loop(tokens: Sequence[int]) -> Sequence[int]:
    """`tokens`, or when they end in a loop, `tokens` with one copy of it.

    A loop is a stretch of at least 3 tokens three times in a row, or a shorter one five times; "Fail again. Fail
    better." is none.
    """
    for period in range(1, min(_LONGEST_PERIOD, len(tokens) // _COPIES) + 1):
        copies = _COPIES if period >= _SHORT_PERIOD else _COPIES_SHORT
        if len(tokens) < copies * period:
            continue
        if all(tokens[-1 - at] == tokens[-1 - at - period] for at in range((copies - 1) * period)):
            return tokens[: len(tokens) - (copies - 1) * period]
    return tokens


def mask(vocabulary: int, forbidden: Sequence[int], start: int | None = None) -> Floats:
    """float32 [vocabulary], -inf at `forbidden` and from `start` on, else 0."""
    values = np.zeros(vocabulary, np.float32)
    values[list(forbidden)] = -np.inf
    if start is not None:
        values[start:] = -np.inf
    return values


def probabilities(logits: Floats) -> Floats:
    """Softmax over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)


def _top(row: Floats, count: int) -> Tokens:
    """Indices of the `count` largest values, in no order; ten times faster than a partition of the whole row."""
    blocks = len(row) // _BLOCK
    if blocks <= count:
        return np.argpartition(row, -count)[-count:]
    peaks = row[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
    best = np.argpartition(peaks, -count)[-count:]
    inside = (best[:, None] * _BLOCK + np.arange(_BLOCK)).ravel()
    candidates = np.concatenate([inside, np.arange(blocks * _BLOCK, len(row))])
    return candidates[np.argpartition(row[candidates], -count)[-count:]]


def _log_sum_exp(row: Floats) -> float:
    top = float(row.max())
    return top + float(np.log(np.exp(row - np.float32(top)).sum()))
