"""All settings: one frozen, validated model per component. The only place where a default is written.

A settings file is TOML with one table per component; command-line flags come on top. Unknown keys are errors.
`docs/settings.md` is generated from the field descriptions here.
"""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import SettingsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Ratio = Annotated[float, Field(ge=0.0, le=1.0)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class InferenceSettings(_Settings):
    """How sessions are made."""

    threads: int = Field(default=2, ge=1, le=64)
    """Most intra-op threads any one session may use."""
    spinning: bool = False
    """Let idle pool threads spin: 20-30 % faster alone, but steals the core from the other senses."""
    providers: tuple[str, ...] = ()
    """Execution providers in order; empty: chosen from what this build of ONNX Runtime has."""


class MicrophoneSettings(_Settings):
    """Capture of sound."""

    block_ms: int = Field(default=64, ge=5, le=500)
    """Length of one captured block. Every block wakes the processor: 32 ms cost half as much again in silence."""
    queue_s: float = Field(default=30.0, gt=0)
    """Audio kept when recognition falls behind; older audio is dropped and reported."""


class CameraSettings(_Settings):
    """Capture of pictures."""

    width: int = Field(default=1280, ge=16, le=8192)
    """Pixels asked of the camera, which may give another size."""
    height: int = Field(default=720, ge=16, le=8192)
    """The same."""
    fps: float = Field(default=30.0, gt=0, le=240)
    """Pictures a second asked of the camera."""
    kept_fps: float = Field(default=15.0, gt=0, le=240)
    """Pictures a second that are decoded; the others are let go at once, which saves the processor."""
    fourcc: str = Field(default="MJPG", pattern="^(.{4})?$")
    """Pixel format asked of cameras of Linux where plain pixels of this size and rate do not fit through USB 2."""
    open_s: float = Field(default=10.0, gt=0)
    """Longest wait for the first picture."""
    stall_s: float = Field(default=4.0, gt=0)
    """A camera that gives nothing for so long has gone."""
    black_s: float = Field(default=2.0, gt=0)
    """Black pictures for so long are told."""
    frozen_s: float = Field(default=5.0, gt=0)
    """The same picture, bit for bit, for so long is told: a sensor never sees the same twice."""


class VoiceActivitySettings(_Settings):
    """When is there speech."""

    threshold: Ratio = 0.5
    """Speech begins at this probability."""
    exit_threshold: Ratio = 0.35
    """Speech goes on above this probability."""
    min_loudness_db: float = Field(default=-70.0, ge=-120.0, le=-30.0)
    """Lasting sound below this (decibels of full scale) is silence without asking the model."""


class SegmentationSettings(_Settings):
    """How the stream is cut into utterances."""

    min_speech_ms: int = Field(default=200, ge=32)
    """Shorter bursts are not speech."""
    hangover_ms: int = Field(default=480, ge=64)
    """Silence that ends an utterance."""
    look_back_ms: int = Field(default=320, ge=0)
    """Audio kept from before the onset, so that the first word survives."""
    max_speech_s: float = Field(default=24.0, gt=2, le=28)
    """Longer utterances are cut at their quietest point."""


class RecognitionSettings(_Settings):
    """Speech to text and its guards."""

    model: str = "whisper-base"
    """Catalogue id of the speech model."""
    beam: int = Field(default=3, ge=1, le=8)
    """Hypotheses kept where the likeliest words are in doubt; 1 never looks at others."""
    beam_lag: float = Field(default=2.5, gt=0)
    """A hypothesis this much less likely (in log-probability) than the best is dropped."""
    beam_below: float = -0.3
    """A lower mean log-probability per token of the likeliest words is doubt."""
    hopeless_below: float = -1.6
    """A lower one is not shown whatever other hypotheses say, so none are tried: noise, and the wrong language."""
    beam_from_s: float = Field(default=12.0, gt=0)
    """Longer sounds, as recordings give them, always get the beam: nobody waits for them."""
    tail_s: float = Field(default=0.5, ge=0, le=5)
    """Silence encoded behind an utterance; without it the decoder does not find the end."""
    context_s: float = Field(default=8.0, ge=0, le=30)
    """Shortest sound encoded; shorter utterances are padded with silence."""
    max_no_speech_probability: Ratio = 0.6
    """A higher probability that nobody spoke withholds a text of which the decoder is not sure."""
    min_loudness_range_db: float = Field(default=13.0, ge=0)
    """Sound whose loud and quiet moments lie closer together has no pauses: music, a crowd."""
    max_no_speech_probability_steady: Ratio = 0.4
    """The limit of the no-speech probability for such sound."""
    sure_log_probability: float = -0.7
    """With a mean log-probability per token above this the decoder is sure."""
    max_tokens_per_s: float = Field(default=14.0, gt=0)
    """More tokens than this per second of audio is a hallucination."""
    min_log_probability: float = -0.85
    """A lower mean log-probability per token is not shown."""
    min_log_probability_translated: float = -1.5
    """The same for Whisper's translation into English, which is less sure of its words."""
    max_compression_ratio: float = 2.4
    """More repetitive text is a loop."""
    language_margin: Ratio = 0.2
    """Another language must be this much more probable than the current one to take over."""


class TranslationSettings(_Settings):
    """Text to text."""

    max_length_factor: float = Field(default=2.0, gt=0)
    """Output tokens per input token before the runaway guard stops."""
    max_sentence_tokens: int = Field(default=128, ge=16)
    """Longer sentences are split at clauses."""
    glossary: Path | None = None
    """Tab-separated file of fixed terms: source term, target term."""
    models: tuple[str, ...] = ()
    """Catalogue ids of the models to prefer, each for the direction that it translates."""
    beam: int = Field(default=1, ge=1, le=8)
    """Hypotheses that made models (OPUS-MT) keep; 1: the likeliest token at every step, 4 take 1.4 times as long."""


class TextSettings(_Settings):
    """Finding and reading text in pictures."""

    detector: str = "ppocr-det-small"
    """Catalogue id of the text detection model."""
    recognizer: str = "ppocr-rec-small"
    """Catalogue id of the text recognition model."""
    min_confidence: Ratio = 0.5
    """Lines of which the recogniser is less sure are not read."""
    min_confidence_short: Ratio = 0.8
    """The same for one or two letters, which every texture resembles."""
    detection_pixels: int = Field(default=500_000, ge=10_000)
    """Pixels of the picture in which text is looked for."""
    detection_pixels_small: int = Field(default=300_000, ge=10_000)
    """The same when the processor is short of time."""
    max_zoom: float = Field(default=2.0, ge=0.1, le=4)
    """Small pictures are enlarged at most this much."""
    tile_side: int = Field(default=736, ge=128)
    """Longest side of the tiles into which a picture is cut."""
    closer_tiles: int = Field(default=6, ge=0)
    """Small tiles looked at again for small text, at most; 0 never looks again."""
    closer_pixels: int = Field(default=921_600, ge=10_000)
    """Pixels of the picture of which these tiles are parts."""
    closer_zoom: float = Field(default=2.5, ge=0.1, le=4)
    """Small pictures are enlarged at most this much for them."""
    closer_side: int = Field(default=320, ge=64)
    """Longest side of these tiles."""
    closer_edges: Ratio = 0.02
    """Tiles with a smaller share of sharp edges are not looked at again."""
    closer_hint: Ratio = 0.05
    """Nor are those where the first look saw no pixel that is more probably text than this."""
    sure_confidence: Ratio = 0.95
    """Lines of which the recogniser is less sure are read again with more contrast."""
    core_threshold: Ratio = 0.3
    """Pixels more probable than this are the core of a line."""
    line_threshold: Ratio = 0.5
    """Lines whose core is less probable than this on average are dropped."""
    growth: float = Field(default=1.6, ge=0.5, le=4)
    """How far the outline of a line lies outside its core: times area over perimeter of the core."""


class SignSettings(_Settings):
    """Signs in the camera picture: how they are followed and when they are shown."""

    interval_s: float = Field(default=0.4, ge=0)
    """Shortest time between two readings of a moving scene."""
    votes: int = Field(default=2, ge=1, le=10)
    """Readings that must agree before a text is settled."""
    sure_confidence: Ratio = 0.95
    """One reading this confident settles a text at once when the picture stands still."""
    hold_s: float = Field(default=1.5, ge=0)
    """How long a region is kept that is no longer found."""
    memory_s: float = Field(default=12.0, ge=0)
    """A sign that comes back into sight within this time is the same sign, and is not told again."""
    max_shift: float = Field(default=0.04, gt=0)
    """Pictures that move by more than this share of their width from one to the next are blurred: not read."""


class SceneSettings(_Settings):
    """Recognition of what the wearer looks at."""

    model: str = "recognizer-vit-s14"
    """Catalogue id of the image recognition model."""
    labels: tuple[str, ...] = ()
    """Things to look for, in English; only for a model with an open vocabulary (CLIP, SigLIP)."""
    least_score: Ratio = 0.2
    """A model that the user brought names things from this probability on; what is less likely is unknown."""
    interval_s: float = Field(default=1.0, ge=0)
    """Shortest time between two looks at a changing scene."""
    votes: int = Field(default=2, ge=1, le=10)
    """Looks that must agree before a name is shown."""
    misses: int = Field(default=3, ge=1, le=20)
    """Looks at nothing known in a row before the name goes away."""
    closer: bool = True
    """Look a second time, at what stands out in the picture."""
    taught: Path | None = None
    """Folder of the taught things; default: the platform's folder for the data of programs."""


class ObjectSettings(_Settings):
    """Things in the camera picture, with boxes around them."""

    model: str = ""
    """Id of an object detection model. None is installed by default: see docs/bring-your-own-model.md."""
    interval_s: float = Field(default=0.5, ge=0)
    """Shortest time between two detections in a changing scene."""
    min_score: float | None = Field(default=None, ge=0, le=1)
    """Things of which the model is less sure are not shown; default: the model's own threshold."""
    votes: int = Field(default=2, ge=1, le=10)
    """Detections that must find a thing before it is shown."""
    sure_score: Ratio = 0.8
    """One detection this sure is enough."""
    misses: int = Field(default=2, ge=1, le=20)
    """Detections in a row that do not find it before it goes."""


class SchedulingSettings(_Settings):
    """Who may use the processor: speech first."""

    max_lag_s: float = Field(default=2.0, gt=0)
    """Captions later than this make the camera senses step down."""
    max_temperature_c: float = Field(default=80.0, gt=0, le=120)
    """A hotter processor makes them step down, too."""
    recover_s: float = Field(default=10.0, gt=0)
    """So long without cause and they step up again."""


class HudSettings(_Settings):
    """What the wearer sees."""

    width: int = Field(default=960, ge=160, le=3840)
    """Pixels."""
    height: int = Field(default=540, ge=90, le=2160)
    """Pixels."""
    fps: float = Field(default=15.0, gt=0, le=60)
    """Most frames drawn a second; nothing is drawn when nothing changed."""
    show: Literal["both", "translation", "source"] = "both"
    """Which lines a caption has."""
    caption_s: float = Field(default=6.0, gt=0)
    """Seconds a caption stays after it is shown, at least; long captions stay longer."""
    text_scale: float = Field(default=1.0, gt=0.3, le=4)
    """Multiplies the size of all text."""
    max_lines: int = Field(default=2, ge=1, le=4)
    """Lines of text, and of source text, that one caption may have; longer text comes in successive parts."""
    reading_speed: float = Field(default=17.0, gt=0)
    """Latin characters read a second (a wide character counts for two): how long a caption is held."""
    min_caption_s: float = Field(default=1.2, gt=0)
    """No caption gives way to another before this."""
    history: int = Field(default=100, ge=0, le=10_000)
    """Past captions kept in memory."""
    lag_s: float = Field(default=4.0, gt=0)
    """Captions that come later than this after the speech are reported as late."""
    overlay: Literal["replace", "below", "off"] = "replace"
    """Translated signs: over the original, below it, or not in the picture."""
    sign_source: bool = False
    """Show the original text of a sign, too."""
    backdrop: Literal["camera", "black"] = "camera"
    """Behind the text: the camera picture, or black, which see-through displays do not light."""
    fonts: tuple[Path, ...] = ()
    """Font files tried before the installed ones."""


class Settings(_Settings):
    """The whole tree, as in the settings file."""

    inference: InferenceSettings = InferenceSettings()
    microphone: MicrophoneSettings = MicrophoneSettings()
    camera: CameraSettings = CameraSettings()
    voice_activity: VoiceActivitySettings = VoiceActivitySettings()
    segmentation: SegmentationSettings = SegmentationSettings()
    recognition: RecognitionSettings = RecognitionSettings()
    translation: TranslationSettings = TranslationSettings()
    text: TextSettings = TextSettings()
    signs: SignSettings = SignSettings()
    scene: SceneSettings = SceneSettings()
    objects: ObjectSettings = ObjectSettings()
    scheduling: SchedulingSettings = SchedulingSettings()
    hud: HudSettings = HudSettings()


def load_settings(path: Path | None = None, overrides: dict[str, dict[str, Any]] | None = None) -> Settings:
    """Read the settings file and lay `overrides` (component -> key -> value, from flags) over it.

    Args:
        path: TOML file; None: the file named by `EDGE_SETTINGS`, or defaults only.
        overrides: values that win over the file; None values are ignored.

    Raises:
        SettingsError: unreadable file, unknown key (with the nearest valid one) or invalid value.
    """
    if path is None and os.environ.get("EDGE_SETTINGS"):
        path = Path(os.environ["EDGE_SETTINGS"])
    tree = _read(path) if path is not None else {}
    for component, values in (overrides or {}).items():
        given = {key: value for key, value in values.items() if value is not None}
        if given:
            tree[component] = {**tree.get(component, {}), **given}
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(_explain(error, path)) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"settings file {path} cannot be read ({error.strerror}); check EDGE_SETTINGS or --settings"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {path} is not valid TOML ({error})") from error


def _explain(error: ValidationError, path: Path | None) -> str:
    first = error.errors()[0]
    where = [str(part) for part in first["loc"]]
    prefix = f"settings file {path}: " if path else "settings: "
    if first["type"] != "extra_forbidden":
        return f"{prefix}{'.'.join(where)}: {first['msg']}"
    valid = _keys(where[:-1])
    nearest = difflib.get_close_matches(where[-1], valid, n=1, cutoff=0.0)
    return f"{prefix}unknown setting {'.'.join(where)}; did you mean {'.'.join([*where[:-1], *nearest])}?"


def _keys(where: list[str]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in where:
        annotation = model.model_fields[part].annotation
        model = next((a for a in get_args(annotation)), annotation)  # type: ignore[assignment]
    return list(model.model_fields)
