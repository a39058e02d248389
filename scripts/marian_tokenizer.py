"""One `tokenizer.json` from the three vocabulary files of OPUS-MT: `source.spm`, `target.spm`, `vocab.json`.

`source.spm` cuts text into pieces, `vocab.json` numbers the pieces of both languages. The Unigram model written here
has the pieces of `vocab.json` under their ids: those of `source.spm` with their scores, all others spelled with a
leading space, which no text has, so that they are never read but can be written. Pieces of `source.spm` that
`vocab.json` lacks follow behind the vocabulary: whoever reads takes ids from there on for the unknown token
(edge/inference/tokenization.py, `JointPieces`).

Whoever types `</s>` or `>>por<<` here gets those characters, not the token; transformers' MarianTokenizer, which is
followed in everything else, gives the token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.errors import ExportError, LanguageError, RecipeError
from edge.hub.recipes.marian_vocabulary import read_pieces, spelled_pieces, to_json, tokenizer_tree
from edge.perception.languages import normalise_language

_LANGUAGE_TOKEN = re.compile(r">>(.+)<<")


def read_vocabulary(folder: Path) -> dict[str, int]:
    """`vocab.json`: piece to id, each another.

    Raises:
        ExportError: it is missing or is something else.
    """
    file = folder / "vocab.json"
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ExportError(f"{folder.name} has no vocab.json; get all files of the model") from error
    except (OSError, ValueError) as error:
        raise ExportError(f"{file} cannot be read ({error}); get it again") from error
    numbers = [number for number in found.values() if type(number) is int] if isinstance(found, dict) else []
    if not numbers or min(numbers) < 0 or len(set(numbers)) != len(found) or "<unk>" not in found:
        raise ExportError(f"{file} is no vocabulary of Marian (every piece with a number, and <unk>); get it again")
    return dict(found)


def joint_tokenizer(folder: Path, vocabulary: Mapping[str, int], size: int) -> str:
    """Text of the `tokenizer.json`.

    Args:
        folder: has `source.spm`.
        vocabulary: piece to id.
        size: rows of the model's embedding.

    Raises:
        ExportError: `source.spm` is missing or no unigram model, or the embedding is too small.
    """
    most = max(vocabulary.values()) + 1
    if size < most:
        raise ExportError(f"vocab.json of {folder.name} numbers {most} pieces, the model has only {size}")
    try:
        source = read_pieces((folder / "source.spm").read_bytes(), "source.spm")
    except OSError as error:
        raise ExportError(f"{folder.name} has no source.spm; get all files of the model") from error
    except RecipeError as error:
        raise ExportError(f"{folder.name}: {str(error).split(';')[0]}") from error
    scores = {text: score for text, score in spelled_pieces(source) if not text.startswith(" ")}
    rows = [(f" unused {number}", 0.0) for number in range(size)]
    for text, number in vocabulary.items():
        rows[number] = (text, scores[text]) if text in scores else (" " + text, 0.0)
    rows += [(text, score) for text, score in scores.items() if text not in vocabulary]
    tree = tokenizer_tree(source, rows, vocabulary["<unk>"])
    tree["decoder"]["decoders"].insert(0, {"type": "Replace", "pattern": {"Regex": "^ "}, "content": ""})
    return to_json(tree)


def language_tokens(vocabulary: Mapping[str, int]) -> dict[str, int]:
    """Codes of the languages that a model with several of them writes -> id of the token that asks for it."""
    found = {}
    for piece, number in vocabulary.items():
        match = _LANGUAGE_TOKEN.fullmatch(piece)
        if match is not None:
            found[match[1]] = number
    return found


def language_prefix(vocabulary: Mapping[str, int], target: str | None) -> tuple[int, ...]:
    """The tokens that go before every source sentence, so that it is translated into `target`.

    Args:
        vocabulary: piece to id.
        target: code as the user gave it, or None.

    Raises:
        ExportError: the model writes several languages, and `target` is none of them.
    """
    tokens = language_tokens(vocabulary)
    if not tokens:
        return ()
    if target in tokens:
        return (tokens[target],)
    matching = {code: number for code, number in tokens.items() if target and _same_language(code, target)}
    if not matching:
        listed = ", ".join(sorted(tokens))
        problem = "choose one" if target is None else f"{target} is not one of them"
        raise ExportError(f"this model writes several languages, {problem} with --to: {listed}")
    return (matching[min(matching, key=lambda code: (len(code), code))],)


def _same_language(code: str, target: str) -> bool:
    try:
        return normalise_language(code) == normalise_language(target)
    except LanguageError:
        return False
