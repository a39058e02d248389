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
    DESCRIPTION_FILE,
    ClassifierDescription,
    DetectorDescription,
    DualEncoderDescription,
    Preprocessing,
    Seq2SeqDescription,
    family_of,
    read_description,
)
from edge.perception.mel import HOP, log_mel
from edge.perception.open_vocabulary import text_feed
from edge.perception.preprocessing import prepare
from edge.perception.translation_seq2seq import Seq2SeqModel
from edge.perception.whisper_model import WhisperModel

PICTURE_COUNT = 48
CALIBRATION = 16
CHECK = 8
SEED = 21  # the gate's is another one: nothing is chosen by the pictures that judge it
_SOUNDS = 4
_PAUSE = 8000
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
    feeds = [text_feed(tokenizer, description, description.template.replace("{}", name)) for name in names]
    text = Inputs(
        folder / description.graphs["text"], feeds[:-CHECK], feeds[-CHECK:], "names of things", ("text_embeds",)
    )
    image = _pictures(folder / description.graphs["image"], description.preprocessing, data, ("image_embeds",))
    return {"image": image, "text": text}


def _marian(folder: Path, data: Path | None) -> dict[str, Inputs]:
    description = read_description(folder, Seq2SeqDescription, folder.name)
    lines, named = _sentences(data, description.source)
    sessions = Recording()
    model = Seq2SeqModel.load(folder, sessions, folder.name)
    sessions.forget()
    for line in lines:
        model.write(model.encode(line)[: model.max_tokens], _TOKENS)
    files = {role: folder / description.graphs[role] for role in ("encoder", "decoder")}
    heard, written = (sessions.of(file).feeds for file in files.values())
    half = len(written) // 2
    judged = spread(written[half:], 2 * CHECK)
    return {
        "encoder": Inputs(files["encoder"], heard[:-CHECK], heard[-CHECK:], named, ("last_hidden_state",)),
        "decoder": Inputs(files["decoder"], written[:half], judged, named, ("logits",)),
    }


def _whisper(folder: Path, data: Path | None) -> dict[str, Inputs]:
    if json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8")).get("precision") != "fp32":
        raise ExportError(f"{folder} is quantised already; give the float folder of scripts/export.py")
    sessions = Recording()
    model = WhisperModel.load(folder, sessions, threads=2)
    sounds, named = _sounds(data)
    for samples in sounds:
        _listen(model, samples)
    encoder, decoder = (folder / f"{part}_model_fp32.onnx" for part in ("encoder", "decoder"))
    heard, said = sessions.of(encoder), sessions.of(decoder).feeds
    half = max(1, len(sounds) // 2)
    steps = len(said) * half // len(sounds)
    return {
        "encoder": Inputs(encoder, heard.feeds[:half], heard.feeds[half:] or heard.feeds, named, heard.names),
        "decoder": Inputs(decoder, said[:steps], spread(said[steps:] or said, CHECK), named, ("logits",)),
    }


def _listen(model: WhisperModel, samples: Samples) -> None:
    """A few greedy steps behind the prompt of the program."""
    known = model.configuration
    special = known.tokens
    language = [known.languages.get("en", next(iter(known.languages.values())))] if known.languages else []
    prompt = [special.start, *language, *([special.transcribe] if known.multilingual else []), special.no_timestamps]
    forbidden = [*known.suppress, *range(special.timestamps, known.vocabulary)]
    mel = log_mel(np.pad(samples, (0, _PAUSE))[: known.audio_positions * 2 * HOP], known.mels)
    context = model.encode(mel[:, : mel.shape[1] // 2 * 2])
    past, tokens = model.empty_past(), prompt
    for _ in range(_TOKENS):
        logits, past = model.step(np.array([tokens], np.int64), past, context)
        logits[..., forbidden] = -np.inf
        tokens = [int(logits.reshape(-1, known.vocabulary)[-1].argmax())]


class Recording(SessionFactory):
    """Sessions that remember what they were given."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, Recorded] = {}

    def open(self, model: Path | bytes, *, threads: int = 1) -> Session:
        """As the factory's."""
        made = Recorded(super().open(model, threads=threads))
        self._made[str(model)] = made
        return made

    def of(self, file: Path) -> Recorded:
        """The session over a file."""
        return self._made[str(file)]

    def forget(self) -> None:
        """Forget all inputs so far."""
        for made in self._made.values():
            made.feeds.clear()


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
    calibrating = feeds[1::3] or feeds  # pictures of a folder are sorted by what they show
    judging = [feed for number, feed in enumerate(feeds) if number % 3 != 1]
    return Inputs(file, calibrating, judging, named, outputs, vision=True)


def _images(data: Path | None) -> tuple[list[Image], str]:
    if data is None:
        return synthetic_pictures(PICTURE_COUNT, SEED), f"{PICTURE_COUNT} synthetic pictures"
    files = spread(_files(data, PICTURES, "pictures"), PICTURE_COUNT)
    return [picture(file) for file in files], f"{len(files)} pictures of {data.name}"


def _sounds(data: Path | None) -> tuple[list[Samples], str]:
    if data is None:
        return synthetic_sounds(_SOUNDS, SEED), f"{_SOUNDS} synthetic sounds"
    files = spread(_files(data, SOUNDS, "sounds"), _SOUNDS)
    return [Clip(file, "", "").samples() for file in files], f"{len(files)} sounds of {data.name}"


def _sentences(data: Path | None, language: str) -> tuple[list[str], str]:
    if data is None:
        lines = synthetic_sentences()
        return lines, f"{len(lines)} English sentences"
    files = _files(data, (f".{language}",), f"files *.{language}")
    file = next((file for file in files if "." not in file.stem), files[0])
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
