"""What a caption and a read picture are made of: the parts that a machine was measured in, one after the other.

Parts are measured alone and in a row, as the program runs them by itself; their sum is set beside the whole, which is
measured, too. How often the decoder runs for an utterance is not kept in a report, but the weights that it reads are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from board_files import chosen, p50_ms

from edge.bench.report import Report, StageResult

Stages = Mapping[str, StageResult]
_LINES = 4
"""Lines of text in the picture of `signs.picture`."""


def chains(report: Report) -> list[dict[str, Any]]:
    """One row for each chain whose parts were all measured.

    Returns:
        `words` (what comes out of what), `parts` ([name, milliseconds]), and, measured as one, `whole_ms` and the first
        `of` parts that it consists of.
    """
    found = chosen(report)
    return [*_utterances(found), *_picture(found)]


def _utterances(found: Stages) -> Iterator[dict[str, Any]]:
    for stage, words, translation in (
        ("speech.utterance-2s", "2 s of speech", "translation.phrase"),
        ("speech.utterance-5s", "5 s of speech", "translation.sentence"),
    ):
        steps = _steps(found, stage)
        needed = ("speech.mel", "speech.encoder", "speech.decoder-token", translation, "hud.captions")
        if steps is None or not all(name in found for name in needed):
            continue
        spectrum, encoder, decoder, translated, drawn = (p50_ms(found[name]) for name in needed)
        yield {
            "words": f"{words} to a caption",
            "parts": [
                ["spectrogram", spectrum],
                ["encoder", encoder],
                ["decoder", steps * decoder],
                ["translation", translated],
                ["drawing", drawn],
            ],
            "whole_ms": p50_ms(found[stage]),
            "of": 3,
        }


def _steps(found: Stages, stage: str) -> float | None:
    """Steps of the decoder in the utterance of median time: weights read besides the encoder's, over those of a step.

    None where that was not counted, or where the encoder works on more sound than in the stage of its own.
    """
    works = [found[name].work if name in found else None for name in (stage, "speech.encoder", "speech.decoder-token")]
    whole, encoder, step = works
    if whole is None or encoder is None or step is None or not step.weight_bytes:
        return None
    sound_s, window_s = found[stage].audio_s, found["speech.encoder"].audio_s
    if sound_s is None or window_s is None or sound_s > window_s:
        return None
    steps = (whole.weight_bytes - encoder.weight_bytes) / step.weight_bytes
    return steps if steps > 0 else None


def _picture(found: Stages) -> Iterator[dict[str, Any]]:
    needed = ("signs.detection", "signs.recognition", "translation.phrase", "hud.overlay", "signs.picture")
    if not all(name in found for name in needed):
        return
    detection, recognition, translation, drawn, whole = (p50_ms(found[name]) for name in needed)
    yield {
        "words": f"a picture to {_LINES} signs",
        "parts": [
            ["detection", detection],
            ["recognition", recognition],
            ["translation", _LINES * translation],
            ["drawing", drawn],
        ],
        "whole_ms": whole,
        "of": 2,
    }
