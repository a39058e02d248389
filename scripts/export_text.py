"""The tokenizer of a pair of towers as one `tokenizer.json` that needs nothing of transformers.

Proved while exporting: on fixed texts in many languages it must give the same ids as transformers' own tokenizer.

SigLIP's tokenizer exists in Python only: it cleans the text and asks SentencePiece. The cleaning (big_vision's
`canonicalize_text`: lower case, no ASCII punctuation, single spaces) and SentencePiece's own normalisation become the
normaliser here, its pieces and scores a unigram model over the whole text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import ExportError

FILE = "tokenizer.json"

TEXTS = (
    "a photo of a coffee mug.",
    "This is a photo of scissors.",
    "Keys, door-handle & 2 mugs (red)!",
    "uma caneca de café",
    "ein Stuhl mit Schlüssel für die Tür",
    "la llave y la puerta del niño",
    "une tasse à café, l'été",
    "фото красной кружки и ключей",
    "厨房里的杯子",
    "コーヒーカップの写真",
    "صورة كوب قهوة",
    "\uff26\uff35\uff2c\uff2c\u3000\uff57\uff49\uff44\uff54\uff48 \u00bd \ufb01ne",
    "  spaces \t inside  ",
    "🔑 key",
)
"""Multilingual, with what normalisers stumble on: case, accents, punctuation, full width, ligatures, spaces, emoji."""

_UNIGRAM = 1
_SPACE = "\u2581"
_LONGEST = 4096


@dataclass(frozen=True)
class TextRules:
    """What `tokenizer.json` does not say.

    Attributes:
        length: tokens of a text at most, with its start and end.
        pad: token behind a text that is shorter.
        start: token before every text; None: none.
        end: token behind every text; None: none.
        lower_case: whether texts are put in lower case first.
        masked: whether the model is told which tokens are padding.
        size: tokens of the vocabulary.
        ids: of `TEXTS`, without start and end.
    """

    length: int
    pad: int
    start: int | None
    end: int | None
    lower_case: bool
    masked: bool
    size: int
    ids: tuple[tuple[int, ...], ...]

    def samples(self, *, padded: bool) -> Iterator[tuple[list[list[int]], list[list[int]]]]:
        """Inputs of the text graph for the parity check: batches of ids with start, end and padding, and their masks.

        Args:
            padded: all texts in one batch, padded to `length`; else one text a batch.
        """
        texts = [self._complete(ids) for ids in self.ids if ids]
        if padded:
            missing = [self.length - len(text) for text in texts]
            ids = [[*text, *[self.pad] * count] for text, count in zip(texts, missing, strict=True)]
            yield ids, [[1] * (self.length - count) + [0] * count for count in missing]
        else:
            yield from (([text], [[1] * len(text)]) for text in texts[:3])

    def _complete(self, ids: tuple[int, ...]) -> list[int]:
        start = [] if self.start is None else [self.start]
        end = [] if self.end is None else [self.end]
        return [*start, *ids[: self.length - len(start) - len(end)], *end]


def write_tokenizer(source: Path, file: Path, positions: int) -> TextRules:
    """Write `tokenizer.json` of the model in `source`.

    Args:
        source: folder with the files of the tokenizer.
        file: to write.
        positions: tokens that the model can read at once.

    Raises:
        ExportError: there is no tokenizer, or one that cannot be written as a `tokenizer.json` with the same results.
    """
    from transformers import AutoTokenizer

    try:
        original = AutoTokenizer.from_pretrained(source, local_files_only=True)
    except Exception as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise ExportError(f"the tokenizer in {source.name} cannot be read ({lines[0]})") from error
    if not original:  # what transformers gives for a damaged spiece.model
        raise ExportError(f"the tokenizer in {source.name} cannot be read; download it again")
    is_siglip = type(original).__name__ == "SiglipTokenizer"
    backend = _siglip_backend(original) if is_siglip else _fast_backend(original)
    backend.no_truncation()
    backend.no_padding()
    file.write_text(json.dumps(json.loads(backend.to_str()), ensure_ascii=False), encoding="utf-8")
    lower_case = is_siglip and bool(original.do_lower_case)
    start, end = _marks(original)
    ids = tuple(_checked(original, backend, text, lower_case=lower_case) for text in TEXTS)
    if original.pad_token_id is None:
        raise ExportError(f"the tokenizer in {source.name} names no pad_token")
    length = min(positions, original.model_max_length)
    masked = "attention_mask" in original.model_input_names
    return TextRules(length, original.pad_token_id, start, end, lower_case, masked, backend.get_vocab_size(), ids)


def _marks(original: Any) -> tuple[int | None, int | None]:
    """The tokens that are put before and behind every text."""
    bare = original(TEXTS[0], add_special_tokens=False)["input_ids"]
    whole = original(TEXTS[0])["input_ids"]
    for before in range(len(whole) - len(bare) + 1):
        behind = len(whole) - len(bare) - before
        if whole[before : before + len(bare)] == bare and before <= 1 and behind <= 1:
            return (whole[0] if before else None), (whole[-1] if behind else None)
    raise ExportError("the tokenizer puts more than one token before or behind a text; that is not supported")


def _checked(original: Any, backend: Any, text: str, *, lower_case: bool) -> tuple[int, ...]:
    wanted = original(text, add_special_tokens=False, truncation=False)["input_ids"][:_LONGEST]
    got = backend.encode(text.lower() if lower_case else text, add_special_tokens=False).ids[:_LONGEST]
    if wanted != got:
        raise ExportError(f"{FILE} reads {text!r} as {got}, transformers as {wanted}: this tokenizer is not supported")
    return tuple(got)


def _fast_backend(original: Any) -> Any:
    from tokenizers import Tokenizer

    if not original.is_fast:
        raise ExportError(f"the tokenizer {type(original).__name__} has no {FILE}; that is not supported")
    return Tokenizer.from_str(original.backend_tokenizer.to_str())


def _siglip_backend(original: Any) -> Any:
    """SigLIP's cleaning and SentencePiece's unigrams. Format: sentencepiece_model.proto."""
    from sentencepiece import sentencepiece_model_pb2
    from tokenizers import Tokenizer
    from tokenizers.models import Unigram

    proto = sentencepiece_model_pb2.ModelProto.FromString(Path(original.vocab_file).read_bytes())
    if proto.trainer_spec.model_type != _UNIGRAM:
        raise ExportError("spiece.model is no unigram model; that is not supported")
    pieces = [(piece.piece, piece.score) for piece in proto.pieces]
    backend = Tokenizer(Unigram(pieces, proto.trainer_spec.unk_id, proto.trainer_spec.byte_fallback))
    charsmap = proto.normalizer_spec.precompiled_charsmap
    backend.normalizer = _siglip_normalizer(charsmap, is_lower_case=bool(original.do_lower_case))
    return backend


def _siglip_normalizer(charsmap: bytes, *, is_lower_case: bool) -> Any:
    from tokenizers import Regex, normalizers

    return normalizers.Sequence(
        [
            normalizers.Replace(_SPACE, " "),
            *([normalizers.Lowercase()] if is_lower_case else []),
            normalizers.Replace(Regex(r"[!-/:-@\[-`{-~]"), ""),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(left=False, right=True),
            normalizers.Prepend(_SPACE),
            *([normalizers.Precompiled(charsmap)] if charsmap else []),
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Strip(left=False, right=True),
            normalizers.Replace(" ", _SPACE),
        ]
    )
