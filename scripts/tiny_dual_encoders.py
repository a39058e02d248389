"""Tiny pairs of towers with random weights, CLIP and SigLIP, with vocabularies of their own, as folders from the hub.

They know nothing: the chain is tested with them, not the quality of its results. The vocabularies are of the right
kind: byte pairs with `</w>` at the end of a word; SentencePiece unigrams, to which SigLIP gives cleaned text.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiny_classifiers import colored_pictures

_DIM = 32
_SIDE = 32
_PATCH = 8
_TEXT_LENGTH = 24
_DIRECTIONS = 3
_WORDS = (
    *("a", "of", "the", "photo", "this", "is", "coffee", "mug", "cup", "keys", "door", "umbrella", "chair"),
    *("laptop", "scissors", "wrench", "red", "green", "blue", "something", "picture"),
)
_TEXTS = (
    "a photo of a coffee mug, the keys and the door",
    "this is a photo of an umbrella behind a chair",
    "uma fotografia de uma caneca e das chaves da porta",
    "ein foto von einem stuhl mit schere und schl\u00fcssel",
    "\u0444\u043e\u0442\u043e \u043a\u0440\u0443\u0436\u043a\u0438 \u0438 \u043a\u043b\u044e\u0447\u0435\u0439",
    "\u53a8\u623f\u91cc\u7684\u676f\u5b50\u7167\u7247",
)


def make(model_type: str, out: Path) -> None:
    """Write `config.json`, `model.safetensors`, `preprocessor_config.json` and the tokenizer's files into `out`.

    Args:
        model_type: `clip` or `siglip`.
        out: existing folder.

    Raises:
        KeyError: another type.
    """
    import torch

    make_parts = _MAKERS[model_type]
    torch.manual_seed(4)
    model, processor, tokenizer = make_parts(out)
    liven(model, processor, tokenizer)
    model.save_pretrained(out, safe_serialization=True)
    processor.save_pretrained(out)


def liven(model: Any, processor: Any, tokenizer: Any) -> None:
    """Weights with which towers of any size, though they know nothing, tell pictures and words apart.

    Args:
        model: freshly made, CLIP or SigLIP; changed in place, and in evaluation mode afterwards.
        processor: its image processor.
        tokenizer: its tokenizer.
    """
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 1.5 / parameter[0].numel() ** 0.5)
        model.logit_scale.fill_(2.7)  # about 15: what CLIP begins its training with
        if hasattr(model, "logit_bias"):
            model.logit_bias.fill_(-2.0)
        _spread(model.eval(), processor, tokenizer)


def _spread(model: Any, processor: Any, tokenizer: Any) -> None:
    """Let words differ in what pictures differ in, so that which label fits best is no matter of the last digit.

    Random towers say nearly the same of everything: what is common to a few pictures, or words, is taken away. Of what
    SigLIP's words say only the directions are kept along which the pictures differ most.
    """
    import torch

    texts = [f"a photo of {word}" for word in _WORDS]
    padding = {"padding": "max_length"} if hasattr(model, "logit_bias") else {"padding": True}
    with torch.no_grad():
        seen = model.vision_model(**processor(colored_pictures(), return_tensors="pt")).pooler_output.mean(dim=0)
        said = model.text_model(**tokenizer(texts, return_tensors="pt", **padding)).pooler_output.mean(dim=0)
        if hasattr(model, "logit_bias"):
            model.vision_model.head.mlp.fc2.bias.sub_(seen)
            model.text_model.head.bias.sub_(said)
            pictures = model.get_image_features(**processor(colored_pictures(), return_tensors="pt"))
            kept = torch.linalg.svd(pictures).Vh[:_DIRECTIONS]
            for parameter in model.text_model.head.parameters():
                parameter.copy_(kept.T @ kept @ parameter)
        else:
            model.vision_model.post_layernorm.bias.sub_(seen)
            model.text_model.final_layer_norm.bias.sub_(said)


def _tower(**more: Any) -> dict[str, Any]:
    return {
        "hidden_size": _DIM,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 2 * _DIM,
        **more,
    }


def _clip(out: Path) -> tuple[Any, Any, Any]:
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    tokenizer = _byte_pairs(out)
    marks = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = CLIPConfig(
        text_config=_tower(vocab_size=len(tokenizer), max_position_embeddings=_TEXT_LENGTH, **marks),
        vision_config=_tower(image_size=_SIDE, patch_size=_PATCH),
        projection_dim=_DIM // 2,
    )
    processor = CLIPImageProcessor(size={"shortest_edge": _SIDE}, crop_size={"height": _SIDE, "width": _SIDE})
    return CLIPModel(config), processor, tokenizer


def _siglip(out: Path) -> tuple[Any, Any, Any]:
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    tokenizer = _sentence_pieces(out)
    config = SiglipConfig(
        text_config=_tower(
            vocab_size=len(tokenizer), max_position_embeddings=_TEXT_LENGTH, pad_token_id=tokenizer.pad_token_id
        ),
        vision_config=_tower(image_size=_SIDE, patch_size=_PATCH),
    )
    return SiglipModel(config), SiglipImageProcessor(size={"height": _SIDE, "width": _SIDE}), tokenizer


def _byte_pairs(out: Path) -> Any:
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizerFast

    alphabet = sorted(ByteLevel.alphabet())
    pieces = [*alphabet, *(f"{letter}</w>" for letter in alphabet)]
    merges: dict[tuple[str, str], None] = {}
    for word in _WORDS:
        left, *rest = [*word[:-1], f"{word[-1]}</w>"]
        for right in rest:
            merges[left, right] = None
            left += right
    pieces += ["".join(pair) for pair in merges]
    pieces = [*dict.fromkeys(pieces), "<|startoftext|>", "<|endoftext|>"]
    vocabulary, rules = out / "vocab.json", out / "merges.txt"
    vocabulary.write_text(json.dumps({piece: index for index, piece in enumerate(pieces)}), encoding="utf-8")
    lines = ["#version: 0.2", *(f"{left} {right}" for left, right in merges)]
    rules.write_text("\n".join(lines) + "\n", encoding="utf-8")
    tokenizer = CLIPTokenizerFast(str(vocabulary), str(rules), model_max_length=_TEXT_LENGTH)
    tokenizer.save_pretrained(out)
    return tokenizer


def _sentence_pieces(out: Path) -> Any:
    import sentencepiece
    from transformers import SiglipTokenizer

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_TEXTS * 4),
        model_writer=written,
        model_type="unigram",
        vocab_size=160,
        hard_vocab_limit=False,
        character_coverage=1.0,
        num_threads=1,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    (out / "spiece.model").write_bytes(written.getvalue())
    tokenizer = SiglipTokenizer(
        str(out / "spiece.model"), model_max_length=_TEXT_LENGTH, model_input_names=["input_ids"]
    )
    tokenizer.save_pretrained(out)
    return tokenizer


_MAKERS: dict[str, Callable[[Path], tuple[Any, Any, Any]]] = {"clip": _clip, "siglip": _siglip}
