"""What every model says about small fixed inputs, as one JSON object on stdout; run natively and under emulation.

python answers.py SAMPLES [PART...]     SAMPLES: folder with speech.wav and thing.png; PART: sound, texts, eyes
"""

import json
import platform
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.perception.resample import resample
from edge.settings import Settings
from edge.sources.picture import read_picture
from edge.sources.recording import read_audio

SENTENCES = ("Where is the platform for the train to Porto?", "Do not touch: 230 V!")
OFRASES = ("A farmácia fecha às 19h30.",)
SIGN = "Exit 24"


def heard(path: Path) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in resample(read_audio(path), 16_000)])


def sound(store, sessions, settings, samples):
    """Decoded and resampled sound, probabilities of speech, and the tokens of Whisper's greedy text."""
    from edge.perception.speech_recognition import SpeechRecognizer
    from edge.perception.voice_activity import WINDOW, VoiceActivityDetector

    samples = heard(samples / "speech.wav")
    detector = VoiceActivityDetector.load(store.open("silero-vad"), sessions)
    windows = [samples[at : at + WINDOW] for at in range(0, len(samples) - WINDOW, WINDOW)]
    recognizer = SpeechRecognizer.load(store.open(settings.recognition.model), sessions, settings.recognition)
    said = recognizer.transcribe(samples, ("en",))
    return {
        "samples": len(samples),
        "loudness": float(np.sqrt(np.mean(samples**2))),
        "speech_probabilities": [float(detector.detect(window)) for window in windows],
        "said": said.text,
        "said_language": said.language,
    }


def texts(store, sessions, settings, _):
    """Translations, both ways."""
    from edge.perception.translation import Translator

    def translated(pack, lines):
        translator = Translator.load(store.open(pack), sessions, settings.translation)
        return [translator.translate(line) for line in lines]

    return {"to_portuguese": translated("mt-en-pt", SENTENCES), "to_english": translated("mt-pt-en", OFRASES)}


def sign(fonts_of) -> np.ndarray:
    """A board with white words on green, BGR."""
    picture = Image.new("RGB", (200, 72), (20, 110, 60))
    ImageDraw.Draw(picture).text((24, 14), SIGN, (255, 255, 255), fonts_of(36))
    return np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])


def eyes(store, sessions, settings, samples):
    """What is read on a rendered sign, and what a photo shows."""
    from edge.perception.image_recognition import ImageRecognizer
    from edge.perception.text_reading import TextReader

    font = next(file for file in sorted(store.open("font-noto-sans").iterdir()) if file.suffix == ".ttf")
    folders = store.open(settings.text.detector), store.open(settings.text.recognizer)
    reader = TextReader.load(*folders, sessions, settings.text)
    lines = reader.read(sign(lambda size: ImageFont.truetype(str(font), size)), small=True)
    recognizer = ImageRecognizer.load(store.open(settings.scene.model), sessions, settings.scene)
    glance = recognizer.look(read_picture(samples / "thing.png"))
    best = int(np.argmax(glance.scores))
    return {
        "read": [line.text for line in lines],
        "read_confidences": [line.confidence for line in lines],
        "read_corners": [float(edge) for line in lines for corner in line.box for edge in corner],
        "label": recognizer.labels[best],
        "label_score": float(glance.scores[best]),
        "known": float(glance.known),
        "embedding": [float(value) for value in glance.embedding[:16]],
    }


PARTS = {"sound": sound, "texts": texts, "eyes": eyes}


def main() -> None:
    samples, parts = Path(sys.argv[1]), sys.argv[2:] or PARTS
    store = ModelStore()
    # Whisper hears what was said and no silence behind it: minutes less under emulation, and the same on both sides.
    settings = Settings.model_validate({"recognition": {"context_s": 0}, "inference": {"threads": 2}})
    sessions = SessionFactory(settings.inference)
    answers = {"machine": platform.machine()}
    for part in parts:
        answers |= PARTS[part](store, sessions, settings, samples)
    print(json.dumps(answers, ensure_ascii=False))  # noqa: T201 - the reader of stdout is a test


if __name__ == "__main__":
    main()
