"""What a float graph is given to judge its quantised forms by: inputs like those of use, for every role of a family.

From a folder (pictures, sounds, or texts with a sentence a line in files `*.en`), or synthetic: then the table says so.
The first part calibrates, another one judges; the last of these is timed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from quality_data import (
    PICTURES,
    SOUNDS,
    Clip,
    picture,
    synthetic_pictures,
    synthetic_sentences,
    synthetic_sounds,
)
from quantize_methods import Feed

from edge.errors import ExportError
from edge.inference.sessions import Array, Session, SessionFactory
from edge.inference.tokenization import Tokenizer
from edge.media import Image, Samples
from edge.perception.descriptions import (
    ClassifierDescription,
    DetectorDescription,
    DualEncoderDescription,
    Preprocessing,
    Seq2SeqDescription,
    family_of,
    read_description,
)
from edge.perception.mel import log_mel
from edge.perception.preprocessing import prepare
from edge.perception.whisper_model import WhisperModel

CALIBRATION = 16
CHECK = 8
_SOUNDS = 4
_TOKENS = 14
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_USUAL_SIZE = 224
_PICTURE_AXES = 4
_COLORS = 3


@dataclass(frozen=True)
class Inputs:
    """Inputs of one graph.

    Attributes:
        file: the float graph.
        calibration: for methods that need it.
        check: for fidelity; the last one is timed.
        data: what they were made of.
        outputs: names of the outputs that count.
        vision: whether they are pictures.
    """

    file: Path
    calibration: Sequence[Feed]
    check: Sequence[Feed]
    data: str
    outputs: tuple[str, ...]
    vision: bool = False


def inputs_of(source: Path, data: Path | None = None) -> dict[str, Inputs]:
    """Inputs for every graph: role to inputs.

    Args:
        source: folder that export.py made, or a bare graph that takes pictures.
        data: folder of pictures, sounds or texts; None: synthetic ones.

    Raises:
        ExportError: `source` is neither, or `data` holds nothing of the kind that is needed.
        EdgeError: its description or a graph cannot be read.
    """
    if data is not None and not data.is_dir():
        raise ExportError(f"{data} is not a folder; give --data a folder of pictures, sounds or texts")
    if source.is_file():
        return {"model": _bare(source, data)}
    family = family_of(source)
    makers: Mapping[str, Callable[[Path, Path | None], dict[str, Inputs]]] = {
        "classifier": _classifier,
        "detector": _detector,
        "dual-encoder": _dual_encoder,
        "marian": _marian,
        "whisper": _whisper,
    }
    if family is None or family not in makers:
        raise ExportError(f"{source} has no model.json of a known family; make it with: scripts/export.py")
    return makers[family](source, data)


def _classifier(folder: Path, data: Path | None) -> dict[str, Inputs]:
    description = read_description(folder, ClassifierDescription, folder.name)
    return {"model": _pictures(folder / description.graphs["model"], description.preprocessing, data, ("logits",))}


def _detector(folder: Path, data: Path | None) -> dict[str, Inputs]:
    description = read_description(folder, DetectorDescription, folder.name)
    outputs = ("logits", "pred_boxes")
    made = _pictures(folder / description.graphs["model"], description.preprocessing, data, outputs)
    if description.masked:
        for feed in (*made.calibration, *made.check):
            feed["pixel_mask"] = np.ones((1, *feed["pixel_values"].shape[2:]), np.int64)
    return {"model": made}


def _dual_encoder(folder: Path, data: Path | None) -> dict[str, Inputs]:
    description = read_description(folder, DualEncoderDescription, folder.name)
    tokenizer = Tokenizer.load(folder / description.tokenizer)
    things = "cup bottle chair table lamp door window dog cat tree flower car bicycle bread apple book pen phone key"
    names = [*things.split(), "coffee machine", "traffic light", "fire extinguisher", "red umbrella", "old man"]
    feeds = [_text(description, tokenizer, description.template.format(name)) for name in names]
    text = Inputs(
        folder / description.graphs["text"], feeds[:-CHECK], feeds[-CHECK:], "names of things", ("text_embeds",)
    )
    image = _pictures(folder / description.graphs["image"], description.preprocessing, data, ("image_embeds",))
    return {"image": image, "text": text}


def _text(description: DualEncoderDescription, tokenizer: Tokenizer, text: str) -> Feed:
    ids = tokenizer.encode(text.lower() if description.lower_case else text)
    ends = [token for token in (description.end_token,) if token is not None]
    starts = [token for token in (description.start_token,) if token is not None]
    ids = [*starts, *ids[: description.text_length - len(starts) - len(ends)], *ends]
    padding = [description.pad_token] * ((description.text_length - len(ids)) if description.padded else 0)
    feed: Feed = {"input_ids": np.array([[*ids, *padding]], np.int64)}
    if description.masked:
        feed["attention_mask"] = np.array([[1] * len(ids) + [0] * len(padding)], np.int64)
    return feed


def _marian(folder: Path, data: Path | None) -> dict[str, Inputs]:
    description = read_description(folder, Seq2SeqDescription, folder.name)
    tokenizer = Tokenizer.load(folder / description.tokenizer)
    lines, named = _sentences(data, description.source)
    files = {role: folder / description.graphs[role] for role in ("encoder", "decoder")}
    sessions = SessionFactory()
    encoder, decoder = (Recorded(sessions.open(file, threads=2)) for file in files.values())
    for line in lines:
        ids = [*description.prefix, *tokenizer.encode(line)][: description.max_positions - 1]
        source = np.array([[*ids, description.end_token]], np.int64)
        feed = {"input_ids": source, "attention_mask": np.ones_like(source)}
        _translate(description, decoder, encoder.run(["last_hidden_state"], feed)[0], feed["attention_mask"])
    heard, written = encoder.feeds, decoder.feeds
    half, judged = len(written) // 2, slice(None, None, max(1, len(written) // 2 // (2 * CHECK)))
    return {
        "encoder": Inputs(files["encoder"], heard[:-CHECK], heard[-CHECK:], named, ("last_hidden_state",)),
        "decoder": Inputs(files["decoder"], written[:half], written[half:][judged], named, ("logits",)),
    }


def _translate(description: Seq2SeqDescription, decoder: Session, hidden: Array, mask: Array) -> None:
    """A few greedy steps with the cache, and one pass over all of them without."""
    layers = range(description.layers)
    parts = [
        f"{layer}.{side}.{part}" for layer in layers for side in ("decoder", "encoder") for part in ("key", "value")
    ]
    empty = np.zeros((1, description.heads, 0, description.head_size), np.float32)
    past = dict.fromkeys(parts, empty)
    written = [description.start_token]
    fixed: Feed = {"encoder_hidden_states": hidden, "encoder_attention_mask": mask}

    def step(tokens: Sequence[int], kept: Mapping[str, Array], cached: bool) -> list[Array]:
        feed = {**fixed, "input_ids": np.array([tokens], np.int64), "use_cache_branch": np.array([cached])}
        feed.update({f"past_key_values.{part}": value for part, value in kept.items()})
        return decoder.run(["logits", *(f"present.{part}" for part in parts)], feed)

    while len(written) <= _TOKENS:
        first = len(written) == 1
        logits, *present = step(written[-1:], past, not first)
        new = dict(zip(parts, present, strict=True))
        past = {part: value for part, value in (past | new).items() if first or ".decoder." in part} | (
            {} if first else {part: past[part] for part in parts if ".encoder." in part}
        )
        logits[..., list(description.forbidden)] = -np.inf
        written.append(int(logits[0, -1].argmax()))
    step(written, dict.fromkeys(parts, empty), cached=False)


def _whisper(folder: Path, data: Path | None) -> dict[str, Inputs]:
    model, recorders = _recorded_whisper(folder)
    known = model.configuration
    sounds, named = _sounds(data)
    special = known.tokens
    language = [known.languages.get("en", next(iter(known.languages.values())))] if known.languages else []
    prompt = [special.start, *language, *([special.transcribe] if known.multilingual else []), special.no_timestamps]
    forbidden = [*known.suppress, *range(special.timestamps, known.vocabulary)]
    for samples in sounds:
        mel = log_mel(np.pad(samples, (0, 8000))[: known.audio_positions * 320], known.mels)
        context = model.encode(mel[:, : mel.shape[1] // 2 * 2])
        written, past, tokens = list(prompt), model.empty_past(), list(prompt)
        for _ in range(_TOKENS):
            logits, past = model.step(np.array([tokens], np.int64), past, context)
            logits[..., forbidden] = -np.inf
            tokens = [int(logits.reshape(-1, known.vocabulary)[-1].argmax())]
            written += tokens
        model.step(np.array([written], np.int64), model.empty_past(), context)
    encoder, decoder = recorders
    turns = _TOKENS + 1
    half = max(1, len(sounds) // 2)
    heard = Inputs(folder / "encoder_model_fp32.onnx", encoder.feeds[:half], encoder.feeds[half:], named, encoder.names)
    said = [
        feed for number, feed in enumerate(decoder.feeds[half * turns :]) if number % turns in {0, 3, 8, _TOKENS - 1}
    ]
    decode = Inputs(folder / "decoder_model_fp32.onnx", decoder.feeds[: half * turns], said, named, ("logits",))
    return {"encoder": heard, "decoder": decode}


def _recorded_whisper(folder: Path) -> tuple[WhisperModel, list[Recorded]]:
    recorders: list[Recorded] = []

    class Recording(SessionFactory):
        def open(self, model: Path | bytes, *, threads: int = 1) -> Session:
            recorders.append(Recorded(super().open(model, threads=threads)))
            return recorders[-1]

    if json.loads((folder / "model.json").read_text(encoding="utf-8")).get("precision") != "fp32":
        raise ExportError(f"{folder} is quantised already; give the float folder of scripts/export.py")
    return WhisperModel.load(folder, Recording(), threads=2), recorders


class Recorded:
    """A session that remembers what it was given.

    Attributes:
        feeds: all inputs so far.
        names: outputs that were asked for.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.feeds: list[Feed] = []
        self.names: tuple[str, ...] = ()
        self.get_inputs = session.get_inputs
        self.get_outputs = session.get_outputs

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Array]) -> list[Array]:
        """As the session's."""
        self.feeds.append(dict(input_feed))
        self.names = tuple(output_names or ())
        return self._session.run(output_names, input_feed)


def _bare(file: Path, data: Path | None) -> Inputs:
    """A graph without description: one input for pictures, prepared as ImageNet's are."""
    session = SessionFactory().open(file)
    found = [
        entry for entry in session.get_inputs() if entry.type == "tensor(float)" and len(entry.shape) == _PICTURE_AXES
    ]
    if len(session.get_inputs()) != 1 or not found or found[0].shape[1] not in {_COLORS, "channels", "num_channels"}:
        raise ExportError(f"{file} has no model.json beside it and does not take pictures [n, 3, h, w] alone")
    height, width = (side if isinstance(side, int) and side > 0 else _USUAL_SIZE for side in found[0].shape[2:])
    steps = Preprocessing(fit="squash", height=height, width=width, mean=_IMAGENET_MEAN, std=_IMAGENET_STD)
    return _pictures(file, steps, data, tuple(entry.name for entry in session.get_outputs()), found[0].name)


def _pictures(
    file: Path, steps: Preprocessing, data: Path | None, outputs: tuple[str, ...], name: str = "pixel_values"
) -> Inputs:
    images, named = _images(data)
    feeds: list[Feed] = [{name: prepare(image, steps)} for image in images]
    cut = max(1, len(feeds) - CHECK) if len(feeds) > CHECK else max(1, len(feeds) // 2)
    return Inputs(file, feeds[:cut], feeds[cut:] or feeds, named, outputs, vision=True)


def _images(data: Path | None) -> tuple[list[Image], str]:
    count = CALIBRATION + CHECK
    if data is None:
        return synthetic_pictures(count), f"{count} synthetic pictures"
    files = spread(_files(data, PICTURES, "pictures"), count)
    return [picture(file) for file in files], f"{len(files)} pictures of {data.name}"


def _sounds(data: Path | None) -> tuple[list[Samples], str]:
    if data is None:
        return synthetic_sounds(_SOUNDS), f"{_SOUNDS} synthetic sounds"
    files = spread(_files(data, SOUNDS, "sounds"), _SOUNDS)
    return [Clip(file, "", "").samples() for file in files], f"{len(files)} sounds of {data.name}"


def _sentences(data: Path | None, language: str) -> tuple[list[str], str]:
    if data is None:
        lines = synthetic_sentences()
        return lines, f"{len(lines)} English sentences"
    file = spread(_files(data, (f".{language}",), f"files *.{language}"), 1)[0]
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    lines = spread(lines, CALIBRATION)
    return lines, f"{len(lines)} sentences of {data.name}/{file.name}"


def _files(data: Path, suffixes: tuple[str, ...], kind: str) -> list[Path]:
    found = [file for file in sorted(data.rglob("*")) if file.suffix.lower() in suffixes]
    if not found:
        raise ExportError(
            f"{data} holds no {kind} ({', '.join(suffixes)}); give --data another folder, or leave it out"
        )
    return found


def spread(items: Sequence[Any], count: int) -> list[Any]:
    """At most `count` of the items, evenly spread."""
    chosen: npt.NDArray[np.int64] = np.unique(np.linspace(0, len(items) - 1, min(count, len(items))).astype(np.int64))
    return [items[index] for index in chosen]
