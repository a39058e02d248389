"""CTranslate2 int8 of the size of our packs: it has no SSRU decoder, so that it cannot have their weights."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.hub.recipes.marian_container import read_shortlist
from edge.hub.recipes.marian_vocabulary import read_vocabulary


def write_twin(folder: Path, files: Mapping[str, Path]) -> None:
    """Write a random CTranslate2 int8 model of the tiny shape (d 256, ffn 1536, 6+2 layers) into `folder`.

    Args:
        folder: an existing empty folder; gets the sentencepiece vocabulary, too, under its own name.
        files: upstream's files of the pack by name, whose vocabulary and shortlist it takes.

    Raises:
        ImportError: CTranslate2 is not installed.
    """
    from ctranslate2.specs import TransformerSpec, common_spec

    vocabulary_file, shortlist_file = (_named(files, start) for start in ("vocab.", "lex."))
    pieces = [text for text, _, _ in read_vocabulary(vocabulary_file.read_bytes(), "vocabulary").pieces]
    spec = TransformerSpec.from_config((6, 2), 8, pre_norm=False, activation=common_spec.Activation.RELU)
    _randomise(spec, width=256, wide=1536, size=len(pieces))
    spec.register_source_vocabulary(pieces)
    spec.register_target_vocabulary(pieces)
    spec.config.add_source_eos = True
    spec.config.bos_token = spec.config.eos_token = spec.config.decoder_start_token = "</s>"  # noqa: S105 - no secret
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))
    shortlist = read_shortlist(shortlist_file.read_bytes(), len(pieces), len(pieces), "shortlist")
    lines = ["\t" + " ".join(pieces[: shortlist.first])]
    for piece, row in zip(pieces, shortlist.table.tolist(), strict=True):
        lines.append(piece + "\t" + " ".join(pieces[index] for index in dict.fromkeys(row)))
    (folder / "vmap.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copyfile(vocabulary_file, folder / next(name for name in files if name.startswith("vocab.")))


def _named(files: Mapping[str, Path], start: str) -> Path:
    return next(path for name, path in files.items() if name.startswith(start))


def _randomise(spec: Any, width: int, wide: int, size: int) -> None:
    random = np.random.default_rng(0)

    def weights(*shape: int) -> npt.NDArray[np.float32]:
        return (random.standard_normal(shape) * 0.05).astype(np.float32)

    def linear(layer: Any, outputs: int, inputs: int) -> None:
        layer.weight, layer.bias = weights(outputs, inputs), weights(outputs)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(width, np.float32), np.zeros(width, np.float32)

    for stack in (spec.encoder, spec.decoder):
        embeddings = stack.embeddings
        (embeddings[0] if isinstance(embeddings, list) else embeddings).weight = weights(size, width)
        for layer in stack.layer:
            linear(layer.self_attention.linear[0], 3 * width, width)
            linear(layer.self_attention.linear[1], width, width)
            norm(layer.self_attention.layer_norm)
            if hasattr(layer, "attention"):
                for part, outputs in zip(layer.attention.linear, (width, 2 * width, width), strict=True):
                    linear(part, outputs, width)
                norm(layer.attention.layer_norm)
            linear(layer.ffn.linear_0, wide, width)
            linear(layer.ffn.linear_1, width, wide)
            norm(layer.ffn.layer_norm)
    linear(spec.decoder.projection, size, width)
