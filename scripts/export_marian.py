"""Export of MarianMT (OPUS-MT): encoder, merged decoder with cache, one `tokenizer.json`.

optimum writes the graphs, under the names that the field knows. What is compared with torch: the encoder, the decoder's
first call, a call with cache, and whole greedy translations, written by the class that writes them on the device.
"""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from export_families import ExportOptions
from export_parity import check_graph
from marian_tokenizer import joint_tokenizer, language_prefix, read_vocabulary
from provenance import Parity

from edge.errors import ExportError, LanguageError
from edge.inference.sessions import SessionFactory
from edge.perception.descriptions import DESCRIPTION_FILE, Seq2SeqDescription
from edge.perception.languages import normalise_language
from edge.perception.translation_seq2seq import Seq2SeqModel

ENCODER, DECODER = "encoder_model.onnx", "decoder_model_merged.onnx"
_SENTENCES = (
    "The house is small.",
    "Where is the station? It is 7:45.",
    "Maria and John have 3 children, 2 dogs and 1 cat.",
    "No.",
)
_MOST_TOKENS = 40
_TIE = 1e-3
_TARGET = (5, 3, 9)
"""Tokens that the decoder is made to have written when its cache is tested."""


def export(source: Path, out: Path, options: ExportOptions) -> list[Parity]:
    """Write graphs, `tokenizer.json` and `model.json`; `Family.export` says how.

    Raises:
        ExportError: separate vocabularies, BPE pieces, unknown languages, or bad words of several tokens.
    """
    settings = _read_json(source / "tokenizer_config.json")
    if settings.get("separate_vocabs"):
        raise ExportError("this Marian model has a vocabulary for each language; only joint ones are supported")
    vocabulary = read_vocabulary(source)
    languages = _languages(settings, vocabulary, options)
    model = _load(source)
    description = _describe(model, vocabulary, languages, language_prefix(vocabulary, options.target or languages[1]))
    tokenizer = joint_tokenizer(source, vocabulary, description.vocabulary)
    (out / description.tokenizer).write_text(tokenizer, encoding="utf-8")
    (out / DESCRIPTION_FILE).write_text(description.model_dump_json(indent=1) + "\n", encoding="utf-8")
    expected = _expected(model, vocabulary)
    _export_graphs(model, out)
    parity = _graph_parity(out, *expected, tolerance=options.tolerance)
    return [*parity, _greedy_parity(model, Seq2SeqModel.load(out, SessionFactory(), source.name), description)]


def _languages(settings: Mapping[str, Any], vocabulary: Mapping[str, int], options: ExportOptions) -> tuple[str, str]:
    """Codes of the language read and of the language written."""
    found = []
    for asked, key, flag in ((options.source, "source_lang", "--from"), (options.target, "target_lang", "--to")):
        stated = _known(settings.get(key))
        wanted = asked or settings.get(key)
        if not wanted:
            raise ExportError(f"its tokenizer_config.json has no {key}; give the language's code with {flag}")
        code = _known(wanted)
        if code is None and asked is None and key == "target_lang":
            language_prefix(vocabulary, None)  # a group (ROMANCE, mul): the error names its languages
        if code is None:
            raise ExportError(f"{wanted!r} is no language this program knows; give a code with {flag}, such as en")
        if stated is not None and code != stated:
            raise ExportError(f"this model has {key} {stated}, not {code}; leave out {flag}")
        found.append(code)
    return found[0], found[1]


def _known(code: Any) -> str | None:
    try:
        return normalise_language(str(code)) if code else None
    except LanguageError:
        return None


def _load(source: Path) -> Any:
    from transformers import MarianMTModel

    model, loading = MarianMTModel.from_pretrained(
        source, use_safetensors=True, local_files_only=True, output_loading_info=True, dtype="float32"
    )
    if loading["missing_keys"]:
        raise ExportError(f"{source.name} lacks weights, such as {min(loading['missing_keys'])}; get it again")
    return model.eval()


def _describe(
    model: Any, vocabulary: Mapping[str, int], languages: tuple[str, str], prefix: tuple[int, ...]
) -> Seq2SeqDescription:
    config, generation = model.config, model.generation_config
    bad = generation.bad_words_ids or []
    if any(len(words) != 1 for words in bad):
        raise ExportError("its generation_config.json forbids sequences of several tokens; only single ones can be")
    if config.decoder_vocab_size not in {None, config.vocab_size}:
        raise ExportError("this Marian model has a vocabulary for each language; only joint ones are supported")
    return Seq2SeqDescription(
        graphs={"encoder": ENCODER, "decoder": DECODER},
        source=languages[0],
        target=languages[1],
        layers=config.decoder_layers,
        heads=config.decoder_attention_heads,
        head_size=config.d_model // config.decoder_attention_heads,
        vocabulary=config.vocab_size,
        max_positions=config.max_position_embeddings,
        start_token=config.decoder_start_token_id,
        end_token=config.eos_token_id,
        pad_token=config.pad_token_id,
        unknown_token=vocabulary["<unk>"],
        prefix=prefix,
        forbidden=tuple(words[0] for words in bad),
        forced_end=generation.forced_eos_token_id is not None,
    )


def _export_graphs(model: Any, out: Path) -> None:
    """Optimum's four graphs, of which the two that are needed are kept."""
    from optimum.exporters.onnx import onnx_export_from_model

    logging.getLogger("optimum").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(dir=out) as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's remarks on transformers' code
        model.config.use_cache = True
        onnx_export_from_model(
            model=model, output=Path(scratch), task="text2text-generation-with-past", do_validation=False
        )
        for name in (ENCODER, DECODER):
            (Path(scratch) / name).replace(out / name)


def _expected(model: Any, vocabulary: Mapping[str, int]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What torch says: (inputs and outputs of the encoder, of the first call of the decoder, of a call with cache).

    Two sentences, of which one is padded, so that the mask counts.
    """
    import torch

    size, pad, end = model.config.vocab_size, model.config.pad_token_id, model.config.eos_token_id
    rows = np.arange(2 * 6).reshape(2, 6) * 7 % min(size, len(vocabulary))
    rows[:, -1], rows[1, -2:] = end, (end, pad)
    read = torch.tensor(rows)
    seen = (read != pad).long()
    seen[1, -1] = 0
    written = torch.tensor([[model.generation_config.decoder_start_token_id, *_TARGET]] * 2)
    with torch.no_grad():
        states = model.get_encoder()(input_ids=read, attention_mask=seen).last_hidden_state
        common = {"encoder_outputs": (states,), "attention_mask": seen}
        first = model(**common, decoder_input_ids=written[:, :-1], use_cache=True)
        begun = _cache_arrays(first.past_key_values)
        then = model(**common, decoder_input_ids=written[:, -1:], past_key_values=first.past_key_values, use_cache=True)
    encoder = {"input_ids": read, "attention_mask": seen, "last_hidden_state": states}
    shared = {"encoder_attention_mask": seen, "encoder_hidden_states": states}
    prefill = {**shared, "input_ids": written[:, :-1], "logits": first.logits, "present": begun}
    step = {**shared, "input_ids": written[:, -1:], "logits": then.logits, "past": begun}
    step["present"] = _cache_arrays(then.past_key_values)
    return _arrays(encoder), _arrays(prefill), _arrays(step)


def _cache_arrays(cache: Any) -> dict[str, Any]:
    """Keys and values of transformers' cache, under the names of the graph's inputs without the first word."""
    found = {}
    for layer, (own_key, own_value, cross_key, cross_value) in enumerate(cache.to_legacy_cache()):
        found[f"{layer}.decoder.key"], found[f"{layer}.decoder.value"] = own_key.numpy(), own_value.numpy()
        found[f"{layer}.encoder.key"], found[f"{layer}.encoder.value"] = cross_key.numpy(), cross_value.numpy()
    return {name: value.copy() for name, value in found.items()}


def _arrays(tensors: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, dict) else value.numpy() for name, value in tensors.items()}


def _graph_parity(
    out: Path, encoder: dict[str, Any], prefill: dict[str, Any], step: dict[str, Any], tolerance: float | None
) -> list[Parity]:
    states = {"last_hidden_state": encoder.pop("last_hidden_state")}
    parity = check_graph(out / ENCODER, encoder, states, tolerance)
    empty = {name: value[:, :, :0] for name, value in prefill["present"].items()}
    for call, past in ((prefill, empty), (step, step.get("past"))):
        cached = call is step
        present = {
            f"present.{name}": value for name, value in call.pop("present").items() if not cached or ".decoder." in name
        }
        expected = {"logits": call.pop("logits"), **present}
        call.pop("past", None)
        feeds = {**call, **{f"past_key_values.{name}": value for name, value in (past or {}).items()}}
        feeds["use_cache_branch"] = np.array([cached])
        kind = "cached" if cached else "first"
        found = check_graph(out / DECODER, feeds, expected, tolerance)
        parity += [each.model_copy(update={"output": f"{kind} {each.output}"}) for each in found]
    return parity


def _greedy_parity(model: Any, ours: Seq2SeqModel, description: Seq2SeqDescription) -> Parity:
    """Sentences that are not translated to torch's tokens.

    Behind a step at which torch itself hardly prefers one token to the next, both may go on as they like.
    """
    import torch

    wrong = 0
    for sentence in _SENTENCES:
        ids = ours.encode(sentence)
        read = torch.tensor([[*description.prefix, *ids, description.end_token]])
        with torch.no_grad():
            theirs = model.generate(
                read, num_beams=1, do_sample=False, max_length=min(_MOST_TOKENS, description.max_positions),
                output_logits=True, return_dict_in_generate=True,
            )  # fmt: skip
        written = theirs.sequences[0, 1:].tolist()
        sure = _sure_steps(theirs.logits)
        found = ours.write(ids, min(_MOST_TOKENS, description.max_positions) - 1)
        tokens = [*found.tokens, description.end_token] if found.stop == "end" else list(found.tokens)
        compared = min(sure, len(written), len(tokens) if found.stop == "repetition" else len(written))
        wrong += tokens[:compared] != written[:compared]
    return Parity(
        graph="both", output="sentences", max_difference=float(wrong), largest=float(len(_SENTENCES)), tolerance=0.0
    )


def _sure_steps(logits: Sequence[Any]) -> int:
    """Steps before the first at which the two best tokens are nearly equally likely."""
    for number, row in enumerate(logits):
        best, second = row[0].topk(2).values.tolist()
        if best - second < _TIE:
            return number
    return len(logits)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ExportError(f"{file.name} cannot be read ({error}); get it again") from error
    return found if isinstance(found, dict) else {}
