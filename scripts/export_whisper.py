"""Whisper of any size, from Hugging Face files to float graphs, by the recipe that also builds the default model.

Not through optimum: its encoder takes windows of 30 s only, and the product encodes no more than was said, which is ten
times less for a short utterance (docs/adr/0008-whisper-leaves-optimum.md). The graphs are written layer by layer by
edge/hub/recipes/whisper_graph.py; here they are held against transformers' own model: the keys and values that the
decoder listens to, for a whole window and for a short one, and the logits of a prompt and of cached steps behind it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from export_families import ExportOptions
from export_parity import Array, compare, fixed_pixels, fixed_tokens
from provenance import Parity

from edge.errors import ExportError
from edge.hub.recipes.whisper import build
from edge.inference.sessions import SessionFactory
from edge.perception.whisper_model import Context, WhisperModel

WINDOW = 1500
"""Positions of the encoder that the program counts on, 20 ms each: utterances of recordings are up to 27 s long."""
_TOKENIZER = "tokenizer.json"
_OLD_TOKENIZER = ("vocab.json", "merges.txt")
_PROMPT = 4
_STEPS = 20
_SHORT = 5
"""A short window is this part of a whole one."""


def export(source: Path, out: Path, options: ExportOptions) -> list[Parity]:
    """As `export_families.Family.export`: `encoder_model_fp32.onnx` and `decoder_model_fp32.onnx`.

    Raises:
        ExportError: languages were given, there is no tokenizer, or its window is not that of every Whisper so far.
        RecipeError: it is not a Whisper that is understood, or a graph would be larger than 2 GB.
    """
    if options.source or options.target:
        raise ExportError("--from and --to are for translation models; Whisper is told the language when it listens")
    window = json.loads((source / "config.json").read_text(encoding="utf-8")).get("max_source_positions")
    if window != WINDOW:
        raise ExportError(f"this Whisper listens to {window} positions; the program needs the usual {WINDOW}, 30 s")
    with tempfile.TemporaryDirectory() as scratch:
        build(_files(source, Path(scratch)), out, {"precision": "fp32"})
    return _parity(source, out, options.tolerance)


def _files(source: Path, scratch: Path) -> dict[str, Path]:
    """The recipe's input; a tokenizer in the old files is converted."""
    files = {path.name: path for path in source.iterdir()}
    if _TOKENIZER in files:
        return files
    if lacking := [name for name in _OLD_TOKENIZER if name not in files]:
        raise ExportError(f"{source.name} has neither {_TOKENIZER} nor {' and '.join(lacking)}; get them from upstream")
    from transformers import WhisperTokenizerFast

    converted = scratch / _TOKENIZER
    WhisperTokenizerFast.from_pretrained(source).backend_tokenizer.save(str(converted))
    return {**files, _TOKENIZER: converted}


def _parity(source: Path, out: Path, tolerance: float | None) -> list[Parity]:
    import torch
    from transformers import WhisperForConditionalGeneration

    ours = WhisperModel.load(out, SessionFactory(), threads=2)
    model = WhisperForConditionalGeneration.from_pretrained(
        source, dtype=torch.float32, attn_implementation="eager", use_safetensors=True
    ).eval()
    configuration = ours.configuration
    encoder, decoder = (f"{side}_model_{configuration.precision}.onnx" for side in ("encoder", "decoder"))
    whole = configuration.audio_positions
    found: list[Parity] = []
    with torch.inference_mode():
        for positions in (whole // _SHORT, whole):
            mel = fixed_pixels(configuration.mels, 2 * positions)
            encoded = _encode(model, mel)
            context = ours.encode(mel)
            expected = _cross(model, encoded, positions)
            actual = dict(zip(expected, context.parts, strict=True))
            found += _worst(compare(encoder, expected, actual, tolerance))
        tokens = _tokens(ours)
        logits = model(encoder_outputs=(encoded,), decoder_input_ids=torch.tensor(tokens)).logits[0]
    said = {f"logits, {_STEPS} cached steps": logits[_PROMPT - 1 :].numpy()}
    return found + compare(decoder, said, dict(zip(said, [_say(ours, tokens, context)], strict=True)), tolerance)


def _worst(found: list[Parity]) -> list[Parity]:
    """Of the keys and of the values the layer that comes nearest to its tolerance, or beyond it."""
    kinds = [[one for one in found if kind in one.output] for kind in ("key", "value")]
    return [max(kind, key=lambda one: (not one.holds, one.max_difference / one.tolerance)) for kind in kinds]


def _encode(model: Any, mel: Array) -> Any:
    """What transformers' encoder makes of a window of any length: its table of positions is cut, as the graph does."""
    import torch

    encoder, positions = model.model.encoder, mel.shape[1] // 2
    table, longest = encoder.embed_positions, encoder.config.max_source_positions
    try:
        encoder.embed_positions = torch.nn.Embedding.from_pretrained(table.weight[:positions])
        encoder.config.max_source_positions = positions
        return encoder(torch.from_numpy(mel)[None]).last_hidden_state
    finally:
        encoder.embed_positions, encoder.config.max_source_positions = table, longest


def _cross(model: Any, encoded: Any, positions: int) -> Mapping[str, Array]:
    """Per layer keys [1, heads, size, positions] and values [1, heads, positions, size], as the graph gives them."""
    expected: dict[str, Array] = {}
    for number, layer in enumerate(model.model.decoder.layers):
        attention = layer.encoder_attn
        for name, project in (("key", attention.k_proj), ("value", attention.v_proj)):
            rows = project(encoded).reshape(1, positions, attention.num_heads, attention.head_dim)
            turned = rows.permute(0, 2, 3, 1) if name == "key" else rows.permute(0, 2, 1, 3)
            expected[f"cross_{name}_{number}, {positions} positions"] = turned.contiguous().numpy()
    return expected


def _tokens(model: WhisperModel) -> Array:
    """The start token and text tokens behind it, int64 [1, _PROMPT + _STEPS]."""
    tokens = fixed_tokens(1, _PROMPT + _STEPS, model.configuration.tokens.end)
    tokens[0, 0] = model.configuration.tokens.start
    return tokens


def _say(model: WhisperModel, tokens: Array, context: Context) -> Array:
    """Logits [1 + _STEPS, vocabulary]: behind the prompt, and behind every later token, given one at a time."""
    logits, past = model.step(tokens[:, :_PROMPT], model.empty_past(), context)
    rows = [logits[0]]
    for at in range(_PROMPT, tokens.shape[1]):
        logits, past = model.step(tokens[:, at : at + 1], past, context)
        rows.append(logits[0])
    return np.stack(rows)
