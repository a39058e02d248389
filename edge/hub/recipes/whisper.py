"""Whisper in CTranslate2's format to two ONNX graphs, a tokenizer and one configuration file.

Outputs: `encoder_model_int8.onnx`, `decoder_model_int8.onnx` (or `_fp32`), `tokenizer.json` and `model.json`, whose
fields are those of `edge.perception.whisper_model.WhisperModel`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.errors import RecipeError
from edge.hub.recipes.whisper_graph import (
    Projection,
    dense,
    dense_embedding,
    dense_unembedding,
    write_decoder,
    write_encoder,
)
from edge.hub.recipes.whisper_quantise import blockwise, dynamic, embedding
from edge.hub.recipes.whisper_weights import WhisperWeights, read_weights

_PRECISIONS = ("int8", "fp32")
_ENCODERS: dict[str, Projection] = {"dynamic": dynamic, "blockwise": blockwise}
_TIMESTAMPS = 1501
_MULTILINGUAL_ROWS = 51865
_LANGUAGE = re.compile(r"<\|([a-z]{2,3})\|>")
_TASKS = {
    "start": "<|startoftranscript|>",
    "end": "<|endoftext|>",
    "transcribe": "<|transcribe|>",
    "translate": "<|translate|>",
    "no_timestamps": "<|notimestamps|>",
    "previous": "<|startofprev|>",
}
_NO_SPEECH = ("<|nospeech|>", "<|nocaptions|>")


def build(files: Mapping[str, Path], out: Path, options: Mapping[str, Any]) -> None:
    """Fill `out` with the model made from `files`.

    Args:
        files: `tokenizer.json`, `config.json` and either `model.bin` or `model.bin.part1`, `model.bin.part2`, ...
        out: existing empty folder.
        options: `precision` (`int8`, or `fp32` for quality gates); `encoder` (`dynamic` or `blockwise`) says how
            the int8 encoder is stored; `multilingual` overrides the decision by the size of the vocabulary.

    Raises:
        RecipeError: a file is missing, damaged or not of this kind of model, or an option is unknown.
    """
    precision = str(options.get("precision", "int8"))
    encoder = str(options.get("encoder", "dynamic"))
    if precision not in _PRECISIONS or encoder not in _ENCODERS:
        raise RecipeError(f"recipe whisper has no precision {precision!r} with encoder {encoder!r}")
    weights = read_weights(_parts(files))
    tokenizer = _json(files, "tokenizer.json")
    described = _describe(weights, tokenizer, _json(files, "config.json"), options)
    _write_graphs(weights, out, precision, _ENCODERS[encoder])
    (out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")), "utf-8")
    (out / "model.json").write_text(json.dumps({**described, "precision": precision}, indent=1) + "\n", "utf-8")


def _write_graphs(weights: WhisperWeights, out: Path, precision: str, encoder: Projection) -> None:
    decoder: tuple[Projection, Projection, Projection] = (blockwise, embedding, blockwise)
    if precision == "fp32":
        encoder, decoder = dense, (dense, dense_embedding, dense_unembedding)
    encoder_file = out / f"encoder_model_{precision}.onnx"
    encoder_file.write_bytes(write_encoder(weights, encoder).SerializeToString(deterministic=True))
    decoder_file = out / f"decoder_model_{precision}.onnx"
    decoder_file.write_bytes(write_decoder(weights, *decoder).SerializeToString(deterministic=True))


def _parts(files: Mapping[str, Path]) -> list[Path]:
    if "model.bin" in files:
        return [files["model.bin"]]
    numbered = {int(name.rsplit("part", 1)[1]): path for name, path in files.items() if _is_part(name)}
    if not numbered or sorted(numbered) != list(range(1, len(numbered) + 1)):
        raise RecipeError("the speech model needs model.bin, or model.bin.part1, model.bin.part2, ... without a gap")
    return [numbered[number] for number in sorted(numbered)]


def _is_part(name: str) -> bool:
    return re.fullmatch(r"model\.bin\.part\d+", name) is not None


def _json(files: Mapping[str, Path], name: str) -> dict[str, Any]:
    try:
        content = json.loads(files[name].read_text("utf-8"))
    except KeyError:
        raise RecipeError(f"the speech model needs {name}") from None
    except (OSError, ValueError) as error:
        raise RecipeError(f"{name} of the speech model is not readable JSON: {error}") from error
    if not isinstance(content, dict):
        raise RecipeError(f"{name} of the speech model is not a JSON object")
    return content


def _describe(
    weights: WhisperWeights, tokenizer: Mapping[str, Any], config: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    added = {entry["content"]: int(entry["id"]) for entry in tokenizer.get("added_tokens", [])}
    missing = [token for token in _TASKS.values() if token not in added]
    silence = next((added[token] for token in _NO_SPEECH if token in added), None)
    if missing or silence is None:
        raise RecipeError(f"tokenizer.json of the speech model lacks {', '.join(missing) or _NO_SPEECH[0]}")
    first = added[_TASKS["no_timestamps"]] + 1
    if first + _TIMESTAMPS != weights.vocabulary:
        raise RecipeError(f"tokenizer.json describes {first + _TIMESTAMPS} tokens, the weights {weights.vocabulary}")
    multilingual = bool(options.get("multilingual", weights.vocabulary >= _MULTILINGUAL_ROWS))
    languages = {found[1]: number for token, number in added.items() if (found := _LANGUAGE.fullmatch(token))}
    return {
        "family": "whisper",
        "layers": weights.decoder_layers,
        "heads": weights.heads,
        "width": weights.width,
        "vocabulary": weights.vocabulary,
        "mels": weights.mels,
        "audio_positions": weights.audio_positions,
        "text_positions": weights.text_positions,
        "multilingual": multilingual,
        "languages": languages if multilingual else {},
        "tokens": {**{name: added[token] for name, token in _TASKS.items()}, "no_speech": silence, "timestamps": first},
        "suppress": _ids(config, "suppress_ids"),
        "suppress_first": _ids(config, "suppress_ids_begin"),
    }


def _ids(config: Mapping[str, Any], key: str) -> list[int]:
    values = config.get(key)
    if not isinstance(values, list) or not all(isinstance(value, int) for value in values):
        raise RecipeError(f"config.json of the speech model has no list {key}")
    return sorted(values)
