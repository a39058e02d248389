"""Speech: utterances of about 2, 5 and 10 seconds, on the very same weights, and the word errors of the same run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from peers_comparing import Answers, Place, Plan, Results, most
from peers_materials import SPEECH, float_build, ordered, whisper_for_ctranslate2, whisper_for_torch
from peers_measuring import Item
from peers_process import SPIN_DOWN_S, System
from peers_report import Limit

from edge.bench.inputs_speech import Utterance, clips_of, demo_utterances, read_clips, read_samples
from edge.bench.report import Quality
from edge.bench.scoring import word_errors

LENGTHS_S = (2, 5, 10)
TIMED, TIMED_QUICK = 4, 2
JUDGED: Mapping[str, int] = {"en": 6, "pt": 4}
"""Utterances for the words alone, beside the timed ones."""
LONGEST_S = 10.0
THREADS = 2
SLOW_ROUNDS = 2
"""Of float systems that compute a window of 30 s: they take as long as all others together."""
OURS, PEER, EXACT = "edge int8", "faster-whisper int8", "faster-whisper float32"
MOST_TIME = 0.30


def plan(place: Place) -> Plan:
    """All systems that recognise speech.

    Raises:
        ModelNotFoundError: without evaluation data, the sample of the catalogue must be there.
    """
    said, data = _utterances(place)
    items = [_item(place.scratch, number, *one) for number, one in enumerate(said)]
    languages = {item.key: item.order["language"] for item in items}
    transcripts = {item.key: utterance.transcript for item, (_, utterance, _) in zip(items, said, strict=True)}

    def judge(answers: Answers) -> tuple[Quality, ...]:
        return word_error_rates(answers, transcripts, languages, data)

    return Plan("speech", data, _systems(place), items, judge, limits)


def _systems(place: Place) -> list[System]:
    installed, why = ordered(lambda: {"folder": str(place.store.open(SPEECH)), "plain": False})
    floats, why_floats = ordered(lambda: {"folder": str(float_build(place, SPEECH)), "plain": True})
    theirs, why_theirs = ordered(lambda: {"folder": str(whisper_for_ctranslate2(place))})
    torch, why_torch = ordered(lambda: {"folder": str(whisper_for_torch(place))})
    if place.torch is None:
        why_torch = "no torch here; run: scripts/setup export"
    decoding = "beam 1, language told, else as it comes: temperature fallback, window of 30 s"
    return [
        System(OURS, "speech_edge", installed, "int8", THREADS, "same", ours=True, missing=why),
        System(
            "ONNX Runtime float32",
            "speech_edge",
            floats,
            "fp32",
            THREADS,
            "same",
            pause_s=SPIN_DOWN_S,
            missing=why_floats,
            note="our float graphs in our recogniser, sessions with ONNX Runtime's default options",
        ),
        System(
            PEER,
            "speech_faster_whisper",
            {**theirs, "precision": "int8"},
            "int8",
            THREADS,
            "same",
            pause_s=SPIN_DOWN_S,
            missing=why_theirs,
            note=decoding,
        ),
        System(
            EXACT,
            "speech_faster_whisper",
            {**theirs, "precision": "fp32"},
            "fp32",
            THREADS,
            "same",
            pause_s=SPIN_DOWN_S,
            rounds=SLOW_ROUNDS,
            missing=why_theirs,
            note=decoding,
        ),
        System(
            "torch eager float32",
            "speech_torch",
            torch,
            "fp32",
            THREADS,
            "same",
            pause_s=SPIN_DOWN_S,
            rounds=SLOW_ROUNDS,
            missing=why_torch,
            python=place.torch,
            note="transformers, greedy, window of 30 s",
        ),
    ]


def _utterances(place: Place) -> tuple[list[tuple[str, Utterance, bool]], str]:
    """Group, utterance and whether it is timed; and what they are."""
    timed = TIMED_QUICK if place.quick else TIMED
    clips = [clip for code in JUDGED for clip in read_clips(place.data, code)] if place.data else []
    if not clips:
        demo = {f"utterances of {length} s": demo_utterances(place.store, length)[:timed] for length in LENGTHS_S}
        return [(group, one, True) for group, own in demo.items() for one in own], "opening of A Tale of Two Cities, en"
    chosen: dict[Path, tuple[str, bool]] = {}
    for length in LENGTHS_S:
        nearest = sorted((c for c in clips if c.path not in chosen), key=lambda clip: abs(clip.seconds - length))
        chosen.update({clip.path: (f"utterances of {length} s", True) for clip in nearest[:timed]})
    for code, count in JUDGED.items():
        rest = [clip for clip in clips if clip.language == code and clip.path not in chosen]
        for clip in clips_of(rest, 0, LONGEST_S, timed if place.quick else count):
            chosen[clip.path] = ("judged only", False)
    found = [
        (*chosen[clip.path], Utterance(read_samples(clip.path), clip.transcript, clip.language))
        for clip in clips
        if clip.path in chosen
    ]
    said = [(group, utterance, is_timed) for group, is_timed, utterance in found]
    order = [f"utterances of {length} s" for length in LENGTHS_S]
    said.sort(key=lambda one: order.index(one[0]) if one[0] in order else len(order))
    return said, f"{len(said)} recorded utterances, {' and '.join(JUDGED)}"


def _item(scratch: Path, number: int, group: str, utterance: Utterance, timed: bool) -> Item:
    file = scratch / f"speech-{number}.npy"
    np.save(file, utterance.samples)
    return Item(f"utterance {number}", group, {"samples": str(file), "language": utterance.language}, timed)


def word_error_rates(
    answers: Answers, transcripts: Mapping[str, str], languages: Mapping[str, str], data: str
) -> tuple[Quality, ...]:
    """Word error rate of each language."""
    found = []
    for code in dict.fromkeys(languages.values()):
        keys = [key for key in answers if languages[key] == code]
        if keys:
            rate, words = word_errors([answers[key] for key in keys], [transcripts[key] for key in keys], code)
            found.append(Quality(metric=f"WER {code}", value=round(rate, 2), data=data, items=words, better="lower"))
    return tuple(found)


def limits(results: Results) -> tuple[Limit, ...]:
    """Time against int8. So few words judge nobody: benchmarks/speech_errors.py has all, and the limit on errors."""
    return most(results, PEER, MOST_TIME, what=f"median time, largest ratio to {PEER}")
