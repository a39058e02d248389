"""Benchmark reports of machines that do not exist: for tests only, every number is made up."""

import math
import random

from edge.bench.report import (
    Floor,
    Latency,
    Peaks,
    Quality,
    Report,
    Session,
    StageResult,
    Timing,
    Work,
)
from edge.hardware.record import Condition, Machine
from edge.telemetry import percentile

STAGES = {  # stage: sample, precisions, median ms with one thread, threaded, sound in it
    "speech.voice-activity": ("window of 32 ms", ("fp32",), 0.2, False, 0.032),
    "speech.mel": ("window of 8 s", ("-",), 3.0, False, None),
    "speech.encoder": ("window of 8 s", ("int8", "fp32"), 180.0, True, None),
    "speech.decoder-token": ("one token", ("int8", "fp32"), 5.0, True, None),
    "speech.utterance-5s": ("utterance of 5 s", ("int8", "fp32"), 400.0, True, 5.0),
    "translation.sentence": ("sentence", ("int8", "fp32"), 12.0, True, None),
    "signs.picture": ("picture", ("fp32",), 250.0, True, None),
    "scene.look": ("picture", ("int8",), 40.0, True, None),
    "hud.captions": ("caption of 960 x 540", ("-",), 4.0, False, None),
}


def noise(seed=1):
    """Repeatable noise."""
    return random.Random(seed)  # noqa: S311 - no secret depends on it


def machine(**changes):
    known = {
        "board": "Board of Tests",
        "cpu": "Imaginary A1",
        "cpu_class": "arm-dotprod",
        "features": ("asimd", "asimddp"),
        "cores": 4,
        "cores_physical": 4,
        "max_mhz": 2400.0,
        "governor": "performance",
        "memory_mb": 8192.0,
        "swap_mb": 0.0,
        "os": "Test OS 1",
        "kernel": "6.6",
        "architecture": "aarch64",
        "python": "3.11.7",
        "packages": {"onnxruntime": "1.32.0", "numpy": "2.4.6"},
        "providers": ("CPUExecutionProvider",),
        "virtual": None,
        "emulated": False,
        "commit": "0.1.0 abcdef0",
    }
    return Machine(**{**known, **changes})


def timing(rng, median_ms, *, count=60, noisy=False):
    rounds = [[median_ms * math.exp(rng.gauss(0, 0.06)) for _ in range(count // 3)] for _ in range(3)]
    samples = [value for one in rounds for value in one]
    medians = [percentile(one, 0.5) for one in rounds]
    return Timing(
        count=count,
        p50_ms=percentile(samples, 0.5),
        p90_ms=percentile(samples, 0.9),
        p99_ms=percentile(samples, 0.99),
        mean_ms=sum(samples) / count,
        min_ms=min(samples),
        rounds_ms=medians,
        spread=max(medians) / min(medians) - 1,
        noisy=noisy,
        samples_ms=samples,
    )


def result(rng, stage, precision, threads, *, speed=1.0, energy=False):
    sample, _, base_ms, _, audio_s = STAGES[stage]
    slower = 2.2 if precision == "fp32" and base_ms not in (0.2, 250.0) else 1.0
    timed = timing(rng, base_ms * slower / threads**0.8 / speed, noisy=stage == "hud.captions")
    model = precision != "-"
    floor_ms = base_ms * slower / threads / speed / 3
    return StageResult(
        stage=stage,
        sample=sample,
        precision=precision,
        models=("model-of-tests",) if model else (),
        threads=threads,
        default=precision == STAGES[stage][1][0] and threads == (2 if STAGES[stage][3] else 1),
        load_ms=120.0 if model else 2.0,
        cold_ms=timed.p50_ms * 1.5,
        timing=timed,
        units=12.0 if stage == "translation.sentence" else 1.0,
        unit="token" if "token" in stage or "translation" in stage else "sample",
        throughput=1000 / timed.p50_ms,
        audio_s=audio_s,
        real_time_factor=timed.p50_ms / 1000 / audio_s if audio_s else None,
        peak_rss_mb=210.0,
        quality=(Quality(metric="WER", value=4.2, data="demo-speech", items=130, better="lower"),)
        if "utterance" in stage
        else (),
        work=Work(weight_bytes=20_000_000, int8_operations=10**9, float_operations=10**8) if model else None,
        floor=Floor(memory_ms=floor_ms / 2, compute_ms=floor_ms, floor_ms=floor_ms, ratio=timed.p50_ms / floor_ms)
        if model
        else None,
        energy_j=0.31 if energy else None,
    )


def session(rng, name, senses, *, captions=14, hot=False, temperature=True):
    def latency(median_ms, count):
        times = [median_ms * math.exp(rng.gauss(0, 0.1)) for _ in range(count)]
        return Latency(
            count=count,
            p50_ms=percentile(times, 0.5),
            p90_ms=percentile(times, 0.9),
            p99_ms=percentile(times, 0.99),
            samples_ms=times,
        )

    seconds = 600.0 if hot else 60.0
    number = captions * (10 if hot else 1)
    at = [seconds * (index + 0.5) / number for index in range(number)] if "speech" in senses else []
    return Session(
        name=name,
        senses=senses,
        seconds=seconds,
        sessions=1,
        caption=latency(700, number) if "speech" in senses else None,
        label=latency(220, 20) if "scene" in senses else None,
        sign=latency(340, 9) if "signs" in senses else None,
        frames_captured=int(seconds * 24),
        frames_dropped=int(seconds),
        fps=17.7,
        lag_s=0.4,
        audio_lost_s=0.0,
        caption_erasure=0.0 if "speech" in senses else None,
        sign_changes_per_minute=0.0 if "signs" in senses else None,
        sign_jitter_px=0.6 if "signs" in senses else None,
        cpu_percent=88.0,
        peak_rss_mb=830.0,
        rss_growth_mb_per_h=1.5 if hot else None,
        starts_ms=(1800.0,),
        conditions=tuple(
            Condition(
                at_s=20.0 * index,
                temperature_c=48 + 30 * (1 - math.exp(-index / 8)) if temperature else None,
                mhz=2400.0 if index < 20 else 1800.0,
                throttled=("soft-temperature-limit-now",) if index >= 20 and temperature else (),
            )
            for index in range(int(seconds / 20) + 1)
        ),
        latency_over_time=tuple((when, (700 + when / 4 if hot else 700) * math.exp(rng.gauss(0, 0.1))) for when in at),
    )


def report(*, seed=1, speed=1.0, full=True, sessions=True, energy=False, temperature=True, changes=None, **of_machine):
    """A finished report; `full` has several precisions and threads, else one of each."""
    rng = noise(seed)
    results = [
        result(rng, stage, precision, threads, speed=speed, energy=energy)
        for stage, (_, precisions, _, threaded, _) in STAGES.items()
        for precision in (precisions if full else precisions[:1])
        for threads in ((1, 2) if full and threaded else (2,) if threaded else (1,))
    ]
    lost = StageResult(
        stage="objects.detect",
        sample="picture",
        precision="int8",
        threads=2,
        status="skipped",
        reason="no detection model is installed; run: edge models pull detector",
    )
    three = ("speech", "signs", "scene")
    played = [
        session(rng, "speech", ("speech",), temperature=temperature),
        session(rng, "signs", ("signs",), temperature=temperature),
        session(rng, "all", three, temperature=temperature),
        session(rng, "silence", ("speech",), captions=0, temperature=temperature),
    ]
    if full:
        played.append(session(rng, "sustained", three, hot=True, temperature=temperature))
    known = {
        "kind": "full" if full else "quick",
        "began": "2026-11-23T11:20:00Z",
        "seconds": 1800.0,
        "complete": True,
        "noise_bound": 0.1,
        "kept_samples": 200,
        "machine": machine(**of_machine),
        "peaks": tuple(
            Peaks(
                threads=n, bandwidth_gb_s=8.0 * n**0.5 * speed, int8_gops=60.0 * n * speed, float_gops=25.0 * n * speed
            )
            for n in (1, 2)
        ),
        "stages": (*results, lost),
        "sessions": tuple(played) if sessions else (),
    }
    return Report(**{**known, **(changes or {})})
