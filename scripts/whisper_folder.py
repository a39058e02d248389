"""Writes Whisper in CTranslate2's format as the folder that transformers would load: the recipe's input, backwards.

    python scripts/whisper_folder.py whisper-base --out out/whisper-base        the files that the catalogue names
    python scripts/whisper_folder.py FOLDER --out out/whisper-base            a folder with model.bin, config.json ...

So the chain can be tried on real weights where there is no hub. The weights keep their type; nothing is rounded.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import EdgeError, ExportError, RecipeError
from edge.hub.catalogue import load_catalogue
from edge.hub.fetch import Fetcher
from edge.hub.recipes.safetensors_format import Stored, write_safetensors
from edge.hub.recipes.whisper import describe, read_files
from edge.hub.recipes.whisper_safetensors import OUTPUT_EMBEDDING, PREFIX, counterparts
from edge.hub.recipes.whisper_weights import WhisperWeights
from edge.hub.report import Silent
from edge.hub.store import ModelStore
from edge.perception.mel import FRAMES_PER_S, HOP, SAMPLE_RATE, WINDOW

_LICENCE = "LICENSE"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the folder; 2, and one line on stderr, when that cannot be done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", metavar="ID_OR_FOLDER", help="id of a catalogue's Whisper, or a folder")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="whisper-") as scratch:
            write_folder(_files(options.model, Path(scratch)), options.out)
    except EdgeError as error:
        print(f"whisper_folder: {error}", file=sys.stderr)
        return 2
    print(options.out)
    return 0


def write_folder(files: Mapping[str, Path], out: Path) -> None:
    """Write what is in CTranslate2's `files` (names as for the recipe `whisper`) as a new folder `out`.

    Raises:
        ExportError: `out` is there already.
        RecipeError: a file is missing or damaged.
    """
    if out.exists():
        raise ExportError(f"{out} is there already; name another folder")
    read = read_files(files)
    described = describe(read, {})
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        write_safetensors(made / "model.safetensors", _tensors(read.weights))
        shutil.copyfile(files["tokenizer.json"], made / "tokenizer.json")
        if _LICENCE in files:
            shutil.copyfile(files[_LICENCE], made / _LICENCE)
        _write_json(made / "config.json", _config(read.weights, described))
        _write_json(made / "generation_config.json", _generation(described))
        _write_json(made / "preprocessor_config.json", _preprocessor(read.weights))
        _write_json(made / "tokenizer_config.json", {"tokenizer_class": "WhisperTokenizer"})
        made.replace(out)


def _files(model: str, scratch: Path) -> dict[str, Path]:
    folder = Path(model)
    if folder.is_dir():
        return {path.name: path for path in folder.iterdir() if path.is_file()}
    catalogue = load_catalogue()
    found = catalogue.get(model)
    if found.recipe != "whisper":
        raise ExportError(f"{model} is no Whisper but of the recipe {found.recipe}")
    fetcher = Fetcher(ModelStore(scratch, catalogue), catalogue, found.files, (), Silent())
    return {file.name: fetcher.fetch(file) for file in found.files}


def _tensors(weights: WhisperWeights) -> dict[str, Stored]:
    """What transformers' `save_pretrained` would write: the output embedding is the input's and is left out."""
    tensors: dict[str, Stored] = {}
    for part in counterparts(weights.encoder_layers, weights.decoder_layers):
        pieces = np.split(weights.stored(part.variable), len(part.tensors))
        for name, piece in zip(part.tensors, pieces, strict=True):
            if name is not None:
                tensors[PREFIX + name] = piece
            elif piece.any():
                raise RecipeError(f"{part.variable} has a bias for keys, which transformers' Whisper does not know")
    tensors.pop(OUTPUT_EMBEDDING, None)
    return tensors


def _config(weights: WhisperWeights, described: Mapping[str, Any]) -> dict[str, Any]:
    tokens = described["tokens"]
    wide = len(weights.stored("encoder/layer_0/ffn/linear_0/weight"))
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "is_encoder_decoder": True,
        "d_model": weights.width,
        "encoder_layers": weights.encoder_layers,
        "decoder_layers": weights.decoder_layers,
        "encoder_attention_heads": weights.heads,
        "decoder_attention_heads": weights.heads,
        "encoder_ffn_dim": wide,
        "decoder_ffn_dim": wide,
        "activation_function": "gelu",
        "num_mel_bins": weights.mels,
        "vocab_size": weights.vocabulary,
        "max_source_positions": weights.audio_positions,
        "max_target_positions": weights.text_positions,
        "decoder_start_token_id": tokens["start"],
        "bos_token_id": tokens["end"],
        "eos_token_id": tokens["end"],
        "pad_token_id": tokens["end"],
        "torch_dtype": weights.stored("decoder/embeddings/weight").dtype.name,
        "use_cache": True,
    }


def _generation(described: Mapping[str, Any]) -> dict[str, Any]:
    tokens = described["tokens"]
    said = {
        "decoder_start_token_id": tokens["start"],
        "bos_token_id": tokens["end"],
        "eos_token_id": tokens["end"],
        "pad_token_id": tokens["end"],
        "no_timestamps_token_id": tokens["no_timestamps"],
        "prev_sot_token_id": tokens["previous"],
        "max_length": described["text_positions"],
        "is_multilingual": described["multilingual"],
        "suppress_tokens": described["suppress"],
        "begin_suppress_tokens": described["suppress_first"],
        "return_timestamps": False,
    }
    if described["multilingual"]:
        said["lang_to_id"] = {f"<|{code}|>": token for code, token in described["languages"].items()}
        said["task_to_id"] = {task: tokens[task] for task in ("transcribe", "translate")}
    return said


def _preprocessor(weights: WhisperWeights) -> dict[str, Any]:
    frames = 2 * weights.audio_positions
    return {
        "feature_extractor_type": "WhisperFeatureExtractor",
        "processor_class": "WhisperProcessor",
        "feature_size": weights.mels,
        "sampling_rate": SAMPLE_RATE,
        "hop_length": HOP,
        "n_fft": WINDOW,
        "chunk_length": frames // FRAMES_PER_S,
        "n_samples": frames * HOP,
        "nb_max_frames": frames,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": False,
    }


def _write_json(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
