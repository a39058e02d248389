"""Reads Whisper weights from the files of a Hugging Face repository: `config.json` and safetensors.

Names and shapes are those of transformers' `WhisperForConditionalGeneration`. Everything behind this module speaks of
the variables as CTranslate2 names them, which keeps query, key and value of an attention in one product; `counterparts`
says which tensors make up a variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import RecipeError
from edge.hub.recipes.safetensors_format import Stored, read_safetensors
from edge.hub.recipes.whisper_weights import EXACT_GELU, WhisperWeights

PREFIX = "model."
_EMBEDDING = "decoder.embed_tokens.weight"
OUTPUT_EMBEDDING = "proj_out.weight"
_FILE = re.compile(r"model(-\d+-of-\d+)?\.safetensors")

_SELF = {
    "self_attention/linear_0": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attention/linear_1": ("self_attn.out_proj",),
    "ffn/linear_0": ("fc1",),
    "ffn/linear_1": ("fc2",),
}
_CROSS = {
    "attention/linear_0": ("encoder_attn.q_proj",),
    "attention/linear_1": ("encoder_attn.k_proj", "encoder_attn.v_proj"),
    "attention/linear_2": ("encoder_attn.out_proj",),
}
_SELF_NORMS = {"self_attention/layer_norm": "self_attn_layer_norm", "ffn/layer_norm": "final_layer_norm"}
_CROSS_NORMS = {"attention/layer_norm": "encoder_attn_layer_norm"}


@dataclass(frozen=True)
class Counterpart:
    """A variable and the tensors, without the prefix `model.`, that lie in it one below the other.

    A None stands for the bias of keys, which is zero in Whisper and not stored by transformers.
    """

    variable: str
    tensors: tuple[str | None, ...]


def counterparts(encoder_layers: int, decoder_layers: int) -> Iterator[Counterpart]:
    """All variables of a model with so many layers."""
    for name in ("conv1", "conv2"):
        yield from _pair(f"encoder/{name}", f"encoder.{name}")
    yield Counterpart("decoder/embeddings/weight", (_EMBEDDING,))
    for side, layers in (("encoder", encoder_layers), ("decoder", decoder_layers)):
        yield Counterpart(f"{side}/position_encodings/encodings", (f"{side}.embed_positions.weight",))
        yield from _norm(f"{side}/layer_norm", f"{side}.layer_norm")
        for layer in range(layers):
            ours, theirs = f"{side}/layer_{layer}", f"{side}.layers.{layer}"
            crossing = side == "decoder"
            for name, tensors in (_SELF | _CROSS if crossing else _SELF).items():
                yield from _pair(f"{ours}/{name}", *(f"{theirs}.{tensor}" for tensor in tensors))
            for name, tensor in (_SELF_NORMS | _CROSS_NORMS if crossing else _SELF_NORMS).items():
                yield from _norm(f"{ours}/{name}", f"{theirs}.{tensor}")


def _pair(ours: str, *theirs: str) -> Iterator[Counterpart]:
    yield Counterpart(f"{ours}/weight", tuple(f"{name}.weight" for name in theirs))
    biases = (None if name.endswith("k_proj") else f"{name}.bias" for name in theirs)
    yield Counterpart(f"{ours}/bias", tuple(biases))


def _norm(ours: str, theirs: str) -> Iterator[Counterpart]:
    yield Counterpart(f"{ours}/gamma", (f"{theirs}.weight",))
    yield Counterpart(f"{ours}/beta", (f"{theirs}.bias",))


def safetensors_among(files: Mapping[str, Path]) -> list[Path]:
    """The weight files, whole or in shards, in the order of their names."""
    return [path for name, path in sorted(files.items()) if _FILE.fullmatch(name)]


def read_hugging_face_weights(files: list[Path], config: Mapping[str, Any]) -> WhisperWeights:
    """The weights in `files`, which together hold every tensor once.

    Args:
        files: safetensors with float16, bfloat16 or float32 tensors.
        config: the repository's `config.json`.

    Raises:
        RecipeError: damaged, not a Whisper model, or one that does not fit its configuration; says where.
    """
    _check(config)
    tensors: dict[str, Stored] = {}
    for file in files:
        tensors.update((name.removeprefix(PREFIX), tensor) for name, tensor in read_safetensors(file).items())
    output = tensors.pop(OUTPUT_EMBEDDING, None)
    if output is not None and not np.array_equal(output, tensors.get(_EMBEDDING, np.empty(0))):
        raise RecipeError(
            "the speech model has an output embedding of its own; only one shared with the input is known"
        )
    variables: dict[str, Stored] = {}
    for part in counterparts(_count(config, "encoder_layers"), _count(config, "decoder_layers")):
        variables[part.variable] = _join(part, tensors)
    if tensors:
        raise RecipeError(f"the speech model has a tensor {min(tensors)} that its config.json does not account for")
    for side in ("encoder", "decoder"):
        variables[f"{side}/num_heads"] = np.array(_count(config, f"{side}_attention_heads"), np.int16)
    variables["decoder/activation"] = np.array(EXACT_GELU, np.int8)
    weights = WhisperWeights(variables)
    _compare(weights, config)
    return weights


def _check(config: Mapping[str, Any]) -> None:
    if config.get("model_type") != "whisper":
        raise RecipeError(f"config.json of the speech model says {config.get('model_type')!r}, not whisper")
    if config.get("activation_function", "gelu") != "gelu":
        raise RecipeError(f"the speech model uses {config['activation_function']}, an activation other than GELU")


def _count(config: Mapping[str, Any], key: str) -> int:
    value = config.get(key)
    if not isinstance(value, int) or value < 1:
        raise RecipeError(f"config.json of the speech model has no number {key}")
    return value


def _join(part: Counterpart, tensors: dict[str, Stored]) -> Stored:
    """The variable, whose tensors are taken out of `tensors`."""
    missing = next((name for name in part.tensors if name is not None and name not in tensors), None)
    if missing:
        raise RecipeError(f"the speech model has no tensor {missing}; this is not a Whisper model we know")
    pieces = [tensors.pop(name) for name in part.tensors if name is not None]
    if len(part.tensors) == 1:
        return pieces[0]
    if len({piece.shape for piece in pieces}) > 1 or pieces[0].ndim < 1:
        raise RecipeError(f"{part.tensors[0]} and its neighbours have shapes {[list(p.shape) for p in pieces]}")
    gaps = {at: np.zeros_like(pieces[0]) for at, name in enumerate(part.tensors) if name is None}
    stored = iter(pieces)
    return np.concatenate([gaps[at] if at in gaps else next(stored) for at in range(len(part.tensors))])


def _compare(weights: WhisperWeights, config: Mapping[str, Any]) -> None:
    """Whether the tensors have the sizes that the configuration states."""
    stated = {
        "d_model": weights.width,
        "vocab_size": weights.vocabulary,
        "num_mel_bins": weights.mels,
        "max_source_positions": weights.audio_positions,
        "max_target_positions": weights.text_positions,
    }
    for key, found in stated.items():
        if config.get(key, found) != found:
            raise RecipeError(f"config.json of the speech model says {key} {config[key]}, its tensors say {found}")
