"""Whisper in CTranslate2's or Hugging Face's format to two ONNX graphs, a tokenizer and one configuration file.

Outputs: `encoder_model_int8.onnx`, `decoder_model_int8.onnx` (or `_fp32`), `tokenizer.json` and `model.json`, whose
fields are those of `edge.perception.whisper_model.WhisperModel`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
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
from edge.hub.recipes.whisper_safetensors import read_hugging_face_weights, safetensors_among
from edge.hub.recipes.whisper_weights import WhisperWeights, read_weights

_BYTES = {"int8": 1, "fp32": 4}
_LARGEST = 2_000_000_000
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
_GENERATION = "generation_config.json"


@dataclass(frozen=True)
class Upstream:
    """What the upstream files say.

    Attributes:
        weights: the variables.
        tokenizer: content of `tokenizer.json`.
        suppress: tokens that are never text.
        suppress_first: tokens that never begin a text.
        multilingual: whether the model knows more than English.
    """

    weights: WhisperWeights
    tokenizer: Mapping[str, Any]
    suppress: list[int]
    suppress_first: list[int]
    multilingual: bool


def build(files: Mapping[str, Path], out: Path, options: Mapping[str, Any]) -> None:
    """Fill `out` with the model made from `files`.

    Args:
        files: `tokenizer.json`, `config.json` and the weights: from Hugging Face `model.safetensors` (or its shards)
            with `generation_config.json`, from CTranslate2 `model.bin` or `model.bin.part1`, `model.bin.part2`, ...
        out: existing empty folder.
        options: `precision` (`int8`, or `fp32` for quality gates); `encoder` (`dynamic` or `blockwise`) says how
            the int8 encoder is stored; `multilingual` overrides what the files say.

    Raises:
        RecipeError: a file is missing, damaged or not of this kind of model, or an option is unknown.
    """
    precision = str(options.get("precision", "int8"))
    encoder = str(options.get("encoder", "dynamic"))
    if precision not in _BYTES or encoder not in _ENCODERS:
        raise RecipeError(f"recipe whisper has no precision {precision!r} with encoder {encoder!r}")
    read = read_files(files)
    described = describe(read, options)
    _write_graphs(read.weights, out, precision, _ENCODERS[encoder])
    (out / "tokenizer.json").write_text(json.dumps(read.tokenizer, ensure_ascii=False, separators=(",", ":")), "utf-8")
    (out / "model.json").write_text(json.dumps({**described, "precision": precision}, indent=1) + "\n", "utf-8")


def read_files(files: Mapping[str, Path]) -> Upstream:
    """Read upstream's files, named as for `build`; raises as it does."""
    tokenizer, config = _json(files, "tokenizer.json"), _json(files, "config.json")
    shards = safetensors_among(files)
    if not shards:
        weights = read_weights(_parts(files))
        multilingual = weights.vocabulary >= _MULTILINGUAL_ROWS
        always, first = _ids(config, "suppress_ids"), _ids(config, "suppress_ids_begin")
        return Upstream(weights, tokenizer, always, first, multilingual)
    weights = read_hugging_face_weights(shards, config)
    # Older repositories say in config.json what newer ones say in generation_config.json; null means none.
    said = {**config, **(_json(files, _GENERATION) if _GENERATION in files else {})}
    always, first = (
        _ids(said, key) if said.get(key) is not None else [] for key in ("suppress_tokens", "begin_suppress_tokens")
    )
    multilingual = bool(said.get("is_multilingual", weights.vocabulary >= _MULTILINGUAL_ROWS))
    return Upstream(weights, tokenizer, always, first, multilingual)


def _write_graphs(weights: WhisperWeights, out: Path, precision: str, encoder: Projection) -> None:
    for side in ("encoder", "decoder"):
        size = weights.parameters(side) * _BYTES[precision]
        if size > _LARGEST:
            raise RecipeError(
                f"the {side} takes {size / 1e9:.1f} GB as {precision}, and a graph file holds 2 GB; "
                "choose a smaller Whisper, or int8"
            )
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
        raise RecipeError(
            "the speech model needs model.safetensors, model.bin, or model.bin.part1, model.bin.part2 ... without a gap"
        )
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


def describe(read: Upstream, options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `model.json` but the precision; raises as `build`."""
    weights, tokenizer = read.weights, read.tokenizer
    added = {entry["content"]: int(entry["id"]) for entry in tokenizer.get("added_tokens", [])}
    missing = [token for token in _TASKS.values() if token not in added]
    silence = next((added[token] for token in _NO_SPEECH if token in added), None)
    if missing or silence is None:
        raise RecipeError(f"tokenizer.json of the speech model lacks {', '.join(missing) or _NO_SPEECH[0]}")
    first = added[_TASKS["no_timestamps"]] + 1
    if first + _TIMESTAMPS != weights.vocabulary:
        raise RecipeError(f"tokenizer.json describes {first + _TIMESTAMPS} tokens, the weights {weights.vocabulary}")
    multilingual = bool(options.get("multilingual", read.multilingual))
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
        "suppress": read.suppress,
        "suppress_first": read.suppress_first,
    }


def _ids(config: Mapping[str, Any], key: str) -> list[int]:
    values = config.get(key)
    if not isinstance(values, list) or not all(isinstance(value, int) for value in values):
        raise RecipeError(f"config.json of the speech model has no list {key}")
    return sorted(values)
