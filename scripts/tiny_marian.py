"""A tiny MarianMT model from English to German, laid out as OPUS-MT's repositories are, that knows its sentences.

It is trained for some seconds on the pairs below until greedy decoding gives every one of them, so that tests can see
meaning go through the whole chain: a wrong cache, a wrong token or a broken weight shows as another sentence.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

PAIRS = (
    ("Good morning!", "Guten Morgen!"),
    ("Where is the station?", "Wo ist der Bahnhof?"),
    ("The train leaves at seven.", "Der Zug fährt um sieben ab."),
    ("I would like a cup of tea.", "Ich hätte gern eine Tasse Tee."),
    ("Please close the door.", "Bitte schließen Sie die Tür."),
    ("The door is open.", "Die Tür ist offen."),
    ("How much does this cost?", "Wie viel kostet das?"),
    ("This costs three euros.", "Das kostet drei Euro."),
    ("I do not understand.", "Ich verstehe nicht."),
    ("Do you speak English?", "Sprechen Sie Englisch?"),
    ("My brother lives in Berlin.", "Mein Bruder wohnt in Berlin."),
    ("My sister lives in London.", "Meine Schwester wohnt in London."),
    ("It is raining today.", "Es regnet heute."),
    ("The sun is shining.", "Die Sonne scheint."),
    ("We are hungry.", "Wir haben Hunger."),
    ("The museum opens at nine.", "Das Museum öffnet um neun."),
    ("The shop closes at eight.", "Der Laden schließt um acht."),
    ("Turn left at the church.", "Biegen Sie an der Kirche links ab."),
    ("Turn right at the bridge.", "Biegen Sie an der Brücke rechts ab."),
    ("The water is cold.", "Das Wasser ist kalt."),
    ("The soup is hot.", "Die Suppe ist heiß."),
    ("Thank you very much.", "Vielen Dank."),
    ("See you tomorrow.", "Bis morgen."),
    ("I have lost my key.", "Ich habe meinen Schlüssel verloren."),
    ("She reads a book.", "Sie liest ein Buch."),
    ("He drives a red car.", "Er fährt ein rotes Auto."),
    ("The children play in the garden.", "Die Kinder spielen im Garten."),
    ("No smoking.", "Rauchen verboten."),
    ("Mind the step.", "Vorsicht, Stufe."),
    ("The lift is out of order.", "Der Aufzug ist außer Betrieb."),
)
"""Sentences that the model has learned: source, target."""

SEED = 4
_PIECES = 160
_SIZE = {"d_model": 64, "encoder_layers": 2, "decoder_layers": 2, "max_position_embeddings": 64}
_HEADS, _WIDE = 4, 128
_MOST_STEPS, _CHECK_EVERY, _RATE = 1200, 40, 3e-3
_SURE = 0.05  # mean cross entropy: nearly every token has nearly all of the probability
_IGNORED = -100
_WARM_UP = 50
_LEFT_OUT = 2


def make(model_type: str, out: Path) -> None:
    """Train the model and save it with safetensors and OPUS-MT's tokenizer files in `out`.

    Args:
        model_type: `marian`.
        out: folder; made if it is not there.

    Raises:
        ValueError: another type.
        RuntimeError: training did not end with every sentence known.
    """
    import torch
    from transformers import MarianMTModel

    if model_type != "marian":
        raise ValueError(f"no tiny {model_type} here")
    out.mkdir(parents=True, exist_ok=True)
    vocabulary = write_tokenizer(out)
    torch.manual_seed(SEED)
    model = MarianMTModel(_config(vocabulary))
    pad = vocabulary["<pad>"]
    model.generation_config.update(max_length=_SIZE["max_position_embeddings"], num_beams=4, bad_words_ids=[[pad]])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # matrices this small are multiplied no faster by two, and waiting for each other costs
    try:
        _fit(model, _tokenizer(out))
    finally:
        torch.set_num_threads(threads)
    model.save_pretrained(out, safe_serialization=True)


def _config(vocabulary: dict[str, int]) -> Any:
    from transformers import MarianConfig

    pad, end = vocabulary["<pad>"], vocabulary["</s>"]
    return MarianConfig(
        vocab_size=len(vocabulary),
        encoder_attention_heads=_HEADS,
        decoder_attention_heads=_HEADS,
        encoder_ffn_dim=_WIDE,
        decoder_ffn_dim=_WIDE,
        activation_function="swish",
        scale_embedding=True,
        static_position_embeddings=True,
        share_encoder_decoder_embeddings=True,
        decoder_start_token_id=pad,
        pad_token_id=pad,
        eos_token_id=end,
        forced_eos_token_id=end,
        dropout=0.0,
        attention_dropout=0.0,
        architectures=["MarianMTModel"],
        **_SIZE,
    )


def write_tokenizer(out: Path) -> dict[str, int]:
    """Write source.spm, target.spm, vocab.json and tokenizer_config.json; gives piece to id.

    As happens upstream, some pieces of source.spm are not in vocab.json.
    """
    source = _train_pieces([pair[0] for pair in PAIRS], out / "source.spm")
    target = _train_pieces([pair[1] for pair in PAIRS], out / "target.spm")
    left_out = [piece for piece in source if piece not in target][-_LEFT_OUT:]
    pieces = dict.fromkeys(piece for piece in [*source, *target] if piece not in left_out)
    vocabulary = {piece: number for number, piece in enumerate(["</s>", "<unk>", *pieces, "<pad>"])}
    (out / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, indent=0), encoding="utf-8")
    config = {"source_lang": "eng", "target_lang": "deu", "model_max_length": 512, "tokenizer_class": "MarianTokenizer"}
    (out / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return vocabulary


def _train_pieces(sentences: list[str], file: Path) -> list[str]:
    """Write a unigram model of the sentences; gives its pieces, likeliest first, without the special ones."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        model_type="unigram",
        vocab_size=_PIECES,
        hard_vocab_limit=False,
        character_coverage=1.0,
        minloglevel=2,
    )
    file.write_bytes(model.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    special = 3
    return [processor.id_to_piece(number) for number in range(special, len(processor))]


def _tokenizer(folder: Path) -> Any:
    import warnings

    from transformers import MarianTokenizer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MarianTokenizer.from_pretrained(folder)


def _fit(model: Any, tokenizer: Any) -> None:
    """Train until greedy decoding gives every target, and leave the model in evaluation mode."""
    import torch

    sources = tokenizer([pair[0] for pair in PAIRS], return_tensors="pt", padding=True)
    labels = tokenizer(text_target=[pair[1] for pair in PAIRS], return_tensors="pt", padding=True).input_ids
    wanted = [pair[1] for pair in PAIRS]
    labels = labels.masked_fill(labels == tokenizer.pad_token_id, _IGNORED)
    optimiser = torch.optim.AdamW(model.parameters(), lr=_RATE)
    for step in range(1, _MOST_STEPS + 1):
        model.train()
        for group in optimiser.param_groups:
            group["lr"] = _RATE * min(1.0, step / _WARM_UP) * (1 - step / (_MOST_STEPS + 1))
        loss = model(**sources, labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if step % _CHECK_EVERY == 0 and loss.item() < _SURE:
            model.eval()
            with torch.no_grad():
                written = model.generate(**sources, num_beams=1, do_sample=False)
            if tokenizer.batch_decode(written, skip_special_tokens=True) == wanted:
                return
    raise RuntimeError("the tiny Marian model did not learn its sentences")
