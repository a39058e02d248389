"""From the last spoken sample to the caption on the HUD, as the program itself measures it, on a session paced live.

Builds a session from recorded utterances (longest --longest-s) with pauses between them, replays it through
`edge run` in a process of its own, and reads the events it wrote. Then the same for a minute of near silence, for what
listening costs when nobody speaks.

    python benchmarks/glass_to_glass.py [--data FOLDER] [--from en] [--to pt] [--seconds 120] [--json FILE]
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.perception.resample import resample
from edge.sources.recording import read_audio
from edge.telemetry import percentile

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
RATE = 16_000
PAUSE_S = 1.5
QUIET_S = (10.0, 70.0)
LIMITS = {"p90_ms": 1500.0, "peak_rss_mb": 700.0, "silence_cpu_percent": 5.0}
_QUIET = 1e-4  # -80 dB: a room in which nobody speaks, not digital silence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 when a limit is missed, 0 also when it cannot run (it says why)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--from", dest="source", default="en")
    parser.add_argument("--to", dest="target", default="pt")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--longest-s", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    manifest = options.data / f"speech-{options.source}" / "manifest.tsv"
    if not manifest.is_file():
        print(f"skipped: no speech in {manifest.parent} (manifest.tsv)")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        spoken, utterances = session(manifest, options.seconds, options.longest_s)
        report = {
            "from": options.source,
            "to": options.target,
            "clips": utterances,
            "session_s": round(len(spoken) / RATE, 1),
            "speech": run(folder, "speech", spoken, options.source, options.target),
            "silence": silence(folder, options.source, options.target),
        }
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return int(not within(report))


def session(manifest: Path, seconds: float, longest_s: float) -> tuple[npt.NDArray[np.float32], int]:
    """Utterances of a manifest with pauses between them, and how many there are."""
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    parts = [quiet(PAUSE_S)]
    count = 0
    for row in rows:
        if float(row["seconds"]) > longest_s or sum(map(len, parts)) > seconds * RATE:
            continue
        chunks = resample(read_audio(manifest.parent / row["file"]), RATE)
        parts += [np.concatenate([chunk.samples for chunk in chunks]), quiet(PAUSE_S)]
        count += 1
    return np.concatenate(parts), count


def quiet(seconds: float) -> npt.NDArray[np.float32]:
    """Faint noise."""
    return (np.random.default_rng(1).standard_normal(int(seconds * RATE)) * _QUIET).astype(np.float32)


def run(folder: Path, name: str, samples: npt.NDArray[np.float32], source: str, target: str) -> dict[str, Any]:
    """Replay a sound live through the program in a process of its own."""
    recording, events = folder / f"{name}.wav", folder / f"{name}.jsonl"
    with wave.open(str(recording), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    command = [sys.executable, "-m", "edge.cli", "run", "--replay", str(recording), "--from", source, "--to", target]
    before = cpu_s()
    subprocess.run([*command, "--hud", str(folder / "hud.png"), "--events", str(events)], check=True)
    spent_s = cpu_s() - before
    told = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    latencies = [event["latency_ms"] for event in told if event["event"] == "Subtitle"]
    ended = told[-1]
    return {
        "subtitles": ended["subtitles"],
        "rejected": sum(event["event"] == "SpeechRejected" for event in told),
        "p50_ms": percentile(latencies, 0.5),
        "p90_ms": percentile(latencies, 0.9),
        "max_ms": max(latencies, default=None),
        "audio_lost_s": ended["audio_lost_s"],
        "peak_rss_mb": ended["peak_rss_mb"],
        "cpu_s": round(spent_s, 2),
    }


def silence(folder: Path, source: str, target: str) -> dict[str, Any]:
    """What listening costs: CPU seconds of a long session less those of a short one, which pays the start."""
    short, long = (run(folder, f"quiet{seconds:g}", quiet(seconds), source, target) for seconds in QUIET_S)
    share = (long["cpu_s"] - short["cpu_s"]) / (QUIET_S[1] - QUIET_S[0])
    return {"subtitles": short["subtitles"] + long["subtitles"], "cpu_percent": round(100 * share, 2)}


def cpu_s() -> float:
    """CPU seconds of all finished child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def within(report: dict[str, Any]) -> bool:
    """Whether every limit is kept."""
    speech, silence = report["speech"], report["silence"]
    return (
        speech["p90_ms"] is not None
        and speech["p90_ms"] <= LIMITS["p90_ms"]
        and speech["peak_rss_mb"] <= LIMITS["peak_rss_mb"]
        and silence["subtitles"] == 0
        and silence["cpu_percent"] <= LIMITS["silence_cpu_percent"]
    )


if __name__ == "__main__":
    sys.exit(main())
