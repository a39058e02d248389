"""A tiny multilingual Whisper with random weights, as a folder from the hub is.

It knows nothing: the chain is tested with it, not the quality of its results. The weights are large enough that its
words depend on what it hears, and are the same ones from any faithful export.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "de", "es", "pt")
_SPECIALS = (
    "endoftext",
    "startoftranscript",
    *LANGUAGES,
    "translate",
    "transcribe",
    "startoflm",
    "startofprev",
    "nospeech",
    "notimestamps",
)
_BYTES = 256
_WRITTEN = b" abcdefghijklmnopqrstuvwxyz"
"""What it may say: random bytes are no text."""
_TIMESTAMPS = 1501
_MELS = 80
_SECONDS = 30
_SIZES = {"d_model": 128, "encoder_layers": 2, "decoder_layers": 2, "max_target_positions": 448, "init_std": 0.12}


def make(model_type: str, out: Path) -> None:  # noqa: ARG001 - every maker takes it; this one knows one architecture
    """Save the model, its tokenizer and its feature extractor in the existing folder `out`.

    Args:
        model_type: `whisper`; there is no other.
        out: existing folder.
    """
    import torch
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    torch.manual_seed(4)
    end, start = token("endoftext"), token("startoftranscript")
    ids = {"decoder_start_token_id": start, "bos_token_id": end, "eos_token_id": end, "pad_token_id": end}
    config = WhisperConfig(
        vocab_size=_BYTES + len(_SPECIALS) + _TIMESTAMPS,
        num_mel_bins=_MELS,
        max_source_positions=50 * _SECONDS,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=256,
        decoder_ffn_dim=256,
        **_SIZES,
        **ids,
    )
    model = WhisperForConditionalGeneration(config).eval()
    said = dict(
        _from_model_config=False,  # else loading makes it anew from config.json
        **ids,
        is_multilingual=True,
        lang_to_id={f"<|{code}|>": token(code) for code in LANGUAGES},
        task_to_id={task: token(task) for task in ("transcribe", "translate")},
        no_timestamps_token_id=token("notimestamps"),
        suppress_tokens=[byte for byte in range(_BYTES) if byte not in _WRITTEN]
        + list(range(start, _BYTES + len(_SPECIALS))),
        begin_suppress_tokens=[ord(" "), end],
        max_length=_SIZES["max_target_positions"],
    )
    for name, value in said.items():
        setattr(model.generation_config, name, value)  # its update() leaves out what only Whisper has
    model.save_pretrained(out, safe_serialization=True)
    WhisperFeatureExtractor(feature_size=_MELS, chunk_length=_SECONDS).save_pretrained(out)
    (out / "tokenizer.json").write_text(json.dumps(tokenizer(), ensure_ascii=False), encoding="utf-8")
    (out / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "WhisperTokenizer"}), encoding="utf-8")


def token(name: str) -> int:
    """Id of the special token `<|name|>`."""
    return _BYTES + _SPECIALS.index(name)


def tokenizer() -> dict[str, Any]:
    """A `tokenizer.json` of bytes and special tokens; 256 characters stand for the bytes, as GPT-2 writes them."""
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": token(name), "content": f"<|{name}|>", **special} for name in _SPECIALS],
        "normalizer": None,
        "pre_tokenizer": bytes_,
        "post_processor": None,
        "decoder": bytes_,
        "model": {
            "type": "BPE",
            "vocab": {character: byte for byte, character in enumerate(_characters())},
            "merges": [],
        },
    }


def _characters() -> list[str]:
    """The character that stands for each byte: itself where it can be printed, else one from 256 on (GPT-2's rule)."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]
