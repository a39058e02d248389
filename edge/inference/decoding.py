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
_MEETING = 4


@dataclass(frozen=True)
class Rules:
    """What may be decoded.

    Attributes:
        end: token that ends a sequence.
        forbidden: float32 [vocabulary], 0 or -inf, added to the logits of every step.
        forbidden_first: the same for the first step.
        max_tokens: longest sequence, without `end`.
        may_repeat: a sequence that repeats itself is no reason to stop (because what it is about does, too).
    """

    end: int
    forbidden: Floats = field(repr=False)
    forbidden_first: Floats = field(repr=False)
    max_tokens: int
    may_repeat: bool = False


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
        kept = tokens if rules.may_repeat else without_loop(tokens)
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
    live = [_Hypothesis((), ())]
    ended: list[Decoded] = []
    while True:
        candidates = _candidates(live, logits, rules, width)
        finished = [sum(found.log_probabilities) for found in ended if found.stop == "end"]
        bar = max([candidates[0].total, *finished]) - lag
        before, live, parents = live, [], []
        for candidate in candidates:
            if len(live) == width or candidate.total < bar:
                break
            grown = before[candidate.row].grow(candidate)
            if any(grown.meets(other) for other in live):
                continue
            found = grown.ended(rules)
            if found is None:
                live.append(grown)
                parents.append(candidate.row)
            else:
                ended.append(found)
        if not live or sum(found.stop == "end" for found in ended) >= width:
            break
        if len(live[0].tokens) >= rules.max_tokens:
            ended += [Decoded(item.tokens, item.scores, "length") for item in live]
            break
        if parents != list(range(len(before))):
            past = tuple(part[parents] for part in past)
        logits, past = step(np.array([item.tokens[-1:] for item in live], np.int64), past)
    order: dict[Stop, int] = {"end": 2, "length": 1, "repetition": 0}
    return max(ended, key=lambda found: (order[found.stop], found.mean_log_probability))


@dataclass(frozen=True)
class _Candidate:
    total: float
    score: float
    row: int
    token: int


@dataclass(frozen=True)
class _Hypothesis:
    tokens: tuple[int, ...]
    scores: tuple[float, ...]
    total: float = 0.0

    def grow(self, candidate: _Candidate) -> _Hypothesis:
        return _Hypothesis((*self.tokens, candidate.token), (*self.scores, candidate.score), candidate.total)

    def meets(self, other: _Hypothesis) -> bool:
        """Whether both go on from the same last words, so that the future of both is the same."""
        return len(self.tokens) > _MEETING and self.tokens[-_MEETING:] == other.tokens[-_MEETING:]

    def ended(self, rules: Rules) -> Decoded | None:
        """The finished sequence, if the last token ends it or makes it a loop."""
        if self.tokens[-1] == rules.end:
            return Decoded(self.tokens[:-1], self.scores, "end")
        kept = self.tokens if rules.may_repeat else without_loop(self.tokens)
        if len(kept) < len(self.tokens):
            return Decoded(tuple(kept), self.scores[: len(kept)], "repetition")
        return None


def _candidates(live: Sequence[_Hypothesis], logits: Floats, rules: Rules, width: int) -> list[_Candidate]:
    """Continuations of the hypotheses, best first; enough of them that `width` do not end."""
    found: list[_Candidate] = []
    for row, before in enumerate(live):
        scores = logits[row] + (rules.forbidden if before.tokens else rules.forbidden_first)
        top = _top(scores, width + 1)
        shares = scores[top] - np.float32(_log_sum_exp(scores))
        for token, score in zip(top.tolist(), shares.tolist(), strict=True):
            if math.isfinite(score):
                found.append(_Candidate(before.total + score, score, row, token))
    return sorted(found, key=lambda item: (-item.total, item.row, item.token))


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
        return np.argsort(row)[-count:]
    peaks = row[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
    best = np.argpartition(peaks, -count)[-count:]
    inside = (best[:, None] * _BLOCK + np.arange(_BLOCK)).ravel()
    candidates = np.concatenate([inside, np.arange(blocks * _BLOCK, len(row))])
    return candidates[np.argpartition(row[candidates], -count)[-count:]]


def _log_sum_exp(row: Floats) -> float:
    top = float(row.max())
    return top + float(np.log(np.exp(row - np.float32(top)).sum()))
