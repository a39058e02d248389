"""A translation model with an encoder and a decoder with cache: Marian as OPUS-MT has it, made by scripts/export.py.

The decoder's first call reads the whole sentence and gives the keys and values of both attentions; those over the
sentence do not change any more, so only the decoder's own are carried from step to step.

First call and steps are two branches of one graph (a merged decoder). Measured on a model of OPUS-MT's size (74 million
weights of noise, 25 tokens into 25, one thread of a Zen 4; benchmarks/results/seq2seq_translation.json): as two graphs
0.93 of the time (quartiles 0.89 to 0.96), but 1.6 times the disk (863 MB instead of 536) and 1.3 times the memory (936
MB instead of 701), so it is merged. Quantised (int8 encoder, 8-bit decoder): 0.35 of the time, 108 MB, 216 MB of
memory. Four hypotheses take 1.4 times as long as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import ModelCorruptError
from edge.inference.decoding import Decoded, Floats, Past, Rules, Step, Tokens, beam, greedy, mask, without_loop
from edge.inference.sessions import Session, SessionFactory
from edge.inference.tokenization import JointPieces
from edge.perception.descriptions import DESCRIPTION_FILE, Seq2SeqDescription, read_description
from edge.perception.graph_contract import open_checked, seq2seq_contracts
from edge.perception.translation_model import Draft

Array = npt.NDArray[Any]

# One thread, as for every model that multiplies one row at a time (edge/perception/translation_model.py).
_THREADS = 1


class Seq2SeqModel:
    """A made translation model in memory.

    Args:
        description: its `model.json`.
        encoder: session of the graph `encoder`.
        decoder: session of the graph `decoder`.
        pieces: its vocabulary.
        width: hypotheses of the beam; 1: the likeliest token at every step.

    Attributes:
        source_language: code.
        target_language: code.
        max_tokens: longest sentence, in tokens without the end token.
    """

    def __init__(
        self, description: Seq2SeqDescription, encoder: Session, decoder: Session, pieces: JointPieces, width: int = 1
    ) -> None:
        self.source_language = description.source
        self.target_language = description.target
        self.max_tokens = description.max_positions - 1 - len(description.prefix)
        self._description = description
        self._encoder = encoder
        self._decoder = decoder
        self._pieces = pieces
        self._width = width
        self._forbidden = mask(description.vocabulary, description.forbidden)
        self._own = _names(description, "decoder")
        self._cross = _names(description, "encoder")
        self._last: tuple[str, list[int]] = "", []

    @classmethod
    def load(cls, folder: Path, sessions: SessionFactory, model_id: str, width: int = 1) -> Seq2SeqModel:
        """Read a model folder, and run it once.

        Raises:
            ModelNotFoundError: there is no `model.json`.
            ModelCorruptError: it is not for this family, or the graphs do not take what it says.
            InferenceError: a graph or the vocabulary cannot be loaded or run.
        """
        description = read_description(folder, Seq2SeqDescription, model_id)
        contracts = seq2seq_contracts(description)
        encoder, decoder = (open_checked(graph, folder, sessions, model_id, _THREADS) for graph in contracts)
        pieces = JointPieces.load(
            folder / description.tokenizer,
            description.vocabulary,
            description.unknown_token,
            {description.start_token, description.end_token, description.pad_token, *description.prefix},
        )
        model = cls(description, encoder, decoder, pieces, width)
        logits, _, _ = model.begin([])
        if logits.shape[1] != description.vocabulary:
            why = f"it writes {logits.shape[1]} tokens, not the {description.vocabulary} of {DESCRIPTION_FILE}"
            raise ModelCorruptError(model_id, description.graphs["decoder"], why)
        model.generate([], 2)
        return model

    def encode(self, text: str) -> list[int]:
        """Token ids of a sentence, without the end token. The last answer is kept: a sentence is asked for twice."""
        if text != self._last[0]:
            self._last = text, self._pieces.encode(text)
        return self._last[1]

    def spells(self, text: str) -> bool:
        """Whether the source vocabulary has every character of `text` (or what normalisation makes of it)."""
        return self._description.unknown_token not in self.encode(text)

    def generate(self, ids: list[int], max_length: int) -> Draft:
        """Translate one sentence.

        Args:
            ids: token ids without the end token, at most `max_tokens`.
            max_length: most tokens to write, with the end token.

        Raises:
            InferenceError: a session failed.
        """
        found = self.write(ids, max_length)
        return Draft(self._pieces.decode(found.tokens), len(found.tokens), found.stop == "end")

    def write(self, ids: Sequence[int], max_length: int) -> Decoded:
        """The tokens of a translation; as `generate`."""
        limit = min(max_length, self._description.max_positions)
        begun = self.begin(ids)
        # A beam goes round a loop, so it must know beforehand; for one hypothesis the question seldom arises.
        found = self._decode(*begun, limit, may_repeat=self._width > 1 and _repeats(ids))
        if found.stop == "repetition" and _repeats(ids):
            found = self._decode(*begun, limit, may_repeat=True)
        if self._description.forced_end and found.stop == "length":
            return Decoded(found.tokens[: limit - 1], found.log_probabilities[: limit - 1], "length")
        return found

    def _decode(self, logits: Floats, past: Past, step: Step, limit: int, *, may_repeat: bool) -> Decoded:
        rules = Rules(self._description.end_token, self._forbidden, self._forbidden, limit, may_repeat)
        if self._width > 1:
            return beam(step, logits, past, rules, self._width)
        return greedy(step, logits, past, rules)

    def begin(self, ids: Sequence[int]) -> tuple[Floats, Past, Step]:
        """Read a sentence: logits of the first token, the decoder's own keys and values, and how to go on.

        Args:
            ids: token ids without the end token, at most `max_tokens`.

        Raises:
            InferenceError: a session failed.
        """
        tree = self._description
        read = np.array([[*tree.prefix, *ids, tree.end_token]], np.int64)
        seen = np.ones_like(read)
        (states,) = self._encoder.run(["last_hidden_state"], {"input_ids": read, "attention_mask": seen})
        sentence = {"encoder_attention_mask": seen, "encoder_hidden_states": states}
        nothing = np.zeros((1, tree.heads, 0, tree.head_size), np.float32)
        feeds = {
            **sentence,
            **dict.fromkeys([*self._own, *self._cross], nothing),
            "input_ids": np.array([[tree.start_token]], np.int64),
            "use_cache_branch": np.array([False]),
        }
        logits, *present = self._decoder.run(["logits", *_present(self._own), *_present(self._cross)], feeds)
        past = tuple(present[: len(self._own)])
        fixed = {**sentence, **dict(zip(self._cross, present[len(self._own) :], strict=True))}
        return logits[:, -1], past, self._stepping(fixed)

    def _stepping(self, sentence: Mapping[str, Array]) -> Step:
        """The step of the decoding loop behind a sentence that has been read.

        Args:
            sentence: the inputs that stay the same, batch 1.
        """
        wanted = ["logits", *_present(self._own)]
        batches: dict[int, dict[str, Array]] = {1: {**sentence, "use_cache_branch": np.array([True])}}

        def step(tokens: Tokens, past: Past) -> tuple[Floats, Past]:
            rows = len(tokens)
            if rows not in batches:
                repeated = {name: np.repeat(value, rows, axis=0) for name, value in sentence.items()}
                batches[rows] = {**repeated, "use_cache_branch": np.array([True])}
            feeds = {**batches[rows], "input_ids": tokens, **dict(zip(self._own, past, strict=True))}
            logits, *present = self._decoder.run(wanted, feeds)
            return logits[:, -1], tuple(present)

        return step


def _names(description: Seq2SeqDescription, side: str) -> list[str]:
    """Input names of the cached keys and values: `decoder`: of what was written; `encoder`: of what is read."""
    return [
        f"past_key_values.{layer}.{side}.{part}" for layer in range(description.layers) for part in ("key", "value")
    ]


def _present(names: Sequence[str]) -> list[str]:
    return [name.replace("past_key_values", "present", 1) for name in names]


def _repeats(tokens: Sequence[int]) -> bool:
    """Whether there is a loop anywhere in `tokens`."""
    return any(len(without_loop(tokens[:end])) < end for end in range(1, len(tokens) + 1))
