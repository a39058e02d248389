"""Recipe: a Firefox Translations (Marian) student model to one ONNX file.

Upstream: `model.*.bin` (int8 weights), `lex.*.bin` (shortlist) and `vocab.*.spm`, or `srcvocab.*.spm` and
`trgvocab.*.spm`; each as it is or packed with gzip.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from edge.errors import RecipeError
from edge.hub.recipes.marian_container import Config, MarianModel, read_bytes, read_model, read_shortlist
from edge.hub.recipes.marian_graph import POSITIONS, Shape, translation_graph
from edge.hub.recipes.marian_vocabulary import Vocabulary, read_vocabulary, tokenizer_json

FORMAT = 1
_EXPECTED: Mapping[str, Any] = {
    "type": "transformer",
    "dec-cell": "ssru",
    "transformer-decoder-autoreg": "rnn",
    "transformer-preprocess": "",
    "transformer-postprocess": "dan",
    "transformer-postprocess-top": "",
    "transformer-postprocess-emb": "d",
    "transformer-ffn-activation": "relu",
    "transformer-ffn-depth": 2,
    "transformer-decoder-ffn-depth": 0,
    "transformer-decoder-dim-ffn": 0,
    "transformer-no-projection": False,
    "transformer-no-bias": False,
    "transformer-no-affine": False,
    "transformer-rnn-projection": False,
    "transformer-train-position-embeddings": False,
    "transformer-tied-layers": [],
    "tied-embeddings-src": False,
    "dec-cell-base-depth": 2,
    "dec-cell-high-depth": 1,
    "layer-normalization": False,
    "lemma-dim-emb": 0,
    "output-omit-bias": False,
    "input-types": [],
    "right-left": False,
}


def build(files: Mapping[str, Path], out: Path, options: Mapping[str, Any]) -> None:
    """Write `model_<precision>.onnx`, `tokenizer.json` (and `tokenizer_target.json`) and `model.json` into `out`.

    Args:
        files: upstream files by name.
        out: an existing empty folder.
        options: `source` and `target` language codes; `precision`, `int8` (default) or `fp32`; `model_sha256` of
            the unpacked model, checked when given.

    Raises:
        RecipeError: a file is missing, damaged or of a variant this recipe does not know.
    """
    precision = options.get("precision", "int8")
    if precision not in {"int8", "fp32"}:
        raise RecipeError(f"precision {precision!r} is unknown to the marian recipe; use int8 or fp32")
    source, target = options.get("source"), options.get("target")
    if not source or not target:
        raise RecipeError("the marian recipe needs the options source and target; correct the catalogue")
    vocabularies = _vocabularies(files)
    name, path = _find(files, "model.")
    model = read_model(_checked(read_bytes(path, name), name, options.get("model_sha256")), name)
    shape = _shape(model, vocabularies)
    name, path = _find(files, "lex.")
    shortlist = read_shortlist(read_bytes(path, name), shape.source_size, shape.target_size, name)
    graph = translation_graph(model, shape, shortlist, precision)
    (out / f"model_{precision}.onnx").write_bytes(graph.SerializeToString(deterministic=True))
    tokenizers = ["tokenizer.json", "tokenizer_target.json"][: len(vocabularies)]
    for file, vocabulary in zip(tokenizers, vocabularies, strict=True):
        (out / file).write_text(tokenizer_json(vocabulary), encoding="utf-8")
    description = {
        "format": FORMAT,
        "kind": "translation",
        "source": source,
        "target": target,
        "precision": precision,
        "model": f"model_{precision}.onnx",
        "source_tokenizer": tokenizers[0],
        "target_tokenizer": tokenizers[-1],
        "end_token": 0,
        "unknown_token": 1,
        "max_positions": POSITIONS,
    }
    (out / "model.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def _checked(data: bytes, name: str, sha256: str | None) -> bytes:
    """`data`, if it has the hash that its makers published for the unpacked model."""
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise RecipeError(f"{name}: unpacked, it has not the published SHA-256; run: edge models pull again")
    return data


def _vocabularies(files: Mapping[str, Path]) -> list[Vocabulary]:
    """One vocabulary, or those of source and target."""
    single = any(name.startswith("vocab.") for name in files)
    found = [_find(files, prefix) for prefix in (["vocab."] if single else ["srcvocab.", "trgvocab."])]
    return [read_vocabulary(read_bytes(path, name), name) for name, path in found]


def _find(files: Mapping[str, Path], prefix: str) -> tuple[str, Path]:
    names = sorted(name for name in files if name.rpartition("/")[2].startswith(prefix))
    if len(names) != 1:
        raise RecipeError(f"the marian recipe needs one file named {prefix}*, not {names}; correct the catalogue")
    return names[0], files[names[0]]


def _shape(model: MarianModel, vocabularies: list[Vocabulary]) -> Shape:
    config = model.config
    for key, wanted in _EXPECTED.items():
        if config.get(key, wanted) != wanted:
            _refuse(model, f"{key} is {config[key]!r}, this recipe knows only {wanted!r}")
    if not (config.get("tied-embeddings-all") or config.get("tied-embeddings")):
        _refuse(model, "its output layer is not tied to the embeddings")
    sizes = config.get("dim-vocabs")
    found = [len(vocabularies[0].pieces), len(vocabularies[-1].pieces)]
    if sizes != found:
        _refuse(model, f"dim-vocabs is {sizes}, the vocabulary files have {found}")
    shape = Shape(
        dimension=_number(model, config, "dim-emb"),
        heads=_number(model, config, "transformer-heads"),
        feed_forward=_number(model, config, "transformer-dim-ffn"),
        encoder_layers=_number(model, config, "enc-depth"),
        decoder_layers=_number(model, config, "dec-depth"),
        source_size=found[0],
        target_size=found[1],
        shared=bool(config.get("tied-embeddings-all")),
        copies=len(vocabularies) == 1,
    )
    if shape.dimension % (2 * shape.heads) or (shape.shared and found[0] != found[1]):
        _refuse(model, "its sizes do not fit together")
    return shape


def _number(model: MarianModel, config: Config, key: str) -> int:
    value = config.get(key)
    if not isinstance(value, int) or value < 1:
        _refuse(model, f"{key} is {value!r}")
    return value


def _refuse(model: MarianModel, why: str) -> NoReturn:
    raise RecipeError(f"{model.file}: {why}; report it with this line, this model cannot be used yet")
