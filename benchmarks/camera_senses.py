"""The senses of the camera as the wearer has them: whole sessions through `edge run`, paced live.

film: a recording with speech, signs and things, with speech alone and with all senses, alternating: how much later
captions come, which signs are told and how often, frames drawn a second, peak memory.
still: signs that stand still, each in a session of its own without speech: how long until the overlay is there, and
whether anything changes for the rest of the session.

    python benchmarks/camera_senses.py film [--replay FILM] [--rounds 2] [--json FILE]
    python benchmarks/camera_senses.py still [--pictures FOLDER] [--seconds 60] [--count 8] [--json FILE]

Without --replay the film is the demo's (scripts/demo_scene.py); without --pictures the stills are its places.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from edge.telemetry import percentile

LIMITS = {"p90_ratio": 1.3, "fps": 15.0, "peak_rss_mb": 1100.0, "still_p90_ms": 800.0}
ALL = "speech,signs,scene"
_TOLERANCE_FPS = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one part; 1 when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("part", choices=("film", "still"))
    parser.add_argument("--replay", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--from", dest="source", default="en")
    parser.add_argument("--to", dest="target", default="pt")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        report = film(options, folder) if options.part == "film" else still(options, folder)
    print(json.dumps(report, indent=2, ensure_ascii=False))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(not report["within_limits"])


def film(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Speech alone and all senses, alternating."""
    recording = options.replay or compose(folder)
    common = ["--replay", str(recording), "--from", options.source, "--to", options.target]
    alone: list[list[dict[str, Any]]] = []
    together: list[list[dict[str, Any]]] = []
    for _ in range(options.rounds):
        alone.append(session(folder, ["--senses", "speech", *common]))
        together.append(session(folder, ["--senses", ALL, *common]))
    ratio = latency(together, 0.9) / latency(alone, 0.9)
    rss_mb = max(told[-1]["peak_rss_mb"] for told in together)
    fps = median(told[-1]["fps"] for told in together)
    return {
        "film": recording.name,
        "rounds": options.rounds,
        "alone_ms": {"p50": latency(alone, 0.5), "p90": latency(alone, 0.9)},
        "together_ms": {"p50": latency(together, 0.5), "p90": latency(together, 0.9)},
        "p90_ratio": round(ratio, 3),
        "subtitles": [[count(told, "Subtitle") for told in runs] for runs in (alone, together)],
        "utterances": [[count(told, "SpeechStarted") for told in runs] for runs in (alone, together)],
        "audio_lost_s": [[told[-1]["audio_lost_s"] for told in runs] for runs in (alone, together)],
        "signs": [sorted(text for text, _ in signs(told)) for told in together],
        "signs_ms": {share: milliseconds(together, "SignTranslated", value) for share, value in SHARES.items()},
        "scenes": [[event["name"] for event in told if event["event"] == "SceneRecognized"] for told in together],
        "steps_down": [count(told, "SenseChanged") for told in together],
        "fps": fps,
        "peak_rss_mb": rss_mb,
        "within_limits": ratio <= LIMITS["p90_ratio"]
        and fps >= LIMITS["fps"] - _TOLERANCE_FPS
        and rss_mb <= LIMITS["peak_rss_mb"],
    }


SHARES = {"p50": 0.5, "p90": 0.9}


def still(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Every picture in a session of its own."""
    pictures = sorted(options.pictures.glob("*.jpg"))[: options.count] if options.pictures else stills(folder)
    rows = []
    for picture in pictures:
        command = ["--senses", "signs", "--camera", str(picture), "--seconds", str(options.seconds)]
        told = session(folder, [*command, "--from", options.source, "--to", options.target])
        shown = [event for event in told if event["event"] == "SignTranslated"]
        last_ms = max((event["latency_ms"] for event in shown), default=None)
        rows.append(
            {
                "picture": picture.name,
                "signs": len(shown),
                "last_ms": last_ms,
                "changes_afterwards": changes(told),
                "peak_rss_mb": told[-1]["peak_rss_mb"],
            }
        )
    times = [row["last_ms"] for row in rows if row["last_ms"] is not None]
    p90 = percentile(times, 0.9)
    changed = sum(row["changes_afterwards"] for row in rows)
    return {
        "seconds": options.seconds,
        "pictures": rows,
        "stable_p50_ms": percentile(times, 0.5),
        "stable_p90_ms": p90,
        "changes_afterwards": changed,
        "within_limits": p90 is not None and p90 <= LIMITS["still_p90_ms"] and changed == 0,
    }


def changes(told: Iterable[dict[str, Any]]) -> int:
    """Signs told or moved later than two seconds after the first one."""
    events = [event for event in told if event["event"] in ("SignTranslated", "SignsMoved")]
    first_ns = min((event["captured_ns"] for event in events), default=0)
    return sum(event["captured_ns"] > first_ns + 2_000_000_000 for event in events)


def session(folder: Path, arguments: Sequence[str]) -> list[dict[str, Any]]:
    """The events of one `edge run` in a process of its own, drawn into pictures that nobody keeps."""
    events = folder / "events.jsonl"
    command = [sys.executable, "-m", "edge.cli", "run", *arguments]
    subprocess.run([*command, "--hud", str(folder / "hud.png"), "--events", str(events)], check=True)
    return [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]


def compose(folder: Path) -> Path:
    """The demo's film."""
    script = Path(__file__).resolve().parents[1] / "scripts" / "demo_scene.py"
    subprocess.run([sys.executable, str(script), str(folder / "scene.mkv")], check=True, stdout=subprocess.DEVNULL)
    return folder / "scene.mkv"


def stills(folder: Path) -> list[Path]:
    """The places of the demo that have signs, one picture each."""
    import av

    with av.open(str(compose(folder))) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    files = []
    for number, place in enumerate((0, 2, 3)):
        file = folder / f"place{number}.jpg"
        frames[int((place + 0.7) * len(frames) / 4)].save(file, quality=95)
        files.append(file)
    return files


def signs(told: Iterable[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Text and translation of every sign that was told."""
    return [(event["text"], event["translation"]) for event in told if event["event"] == "SignTranslated"]


def count(told: Iterable[dict[str, Any]], name: str) -> int:
    """Events of a name."""
    return sum(event["event"] == name for event in told)


def milliseconds(runs: Iterable[Iterable[dict[str, Any]]], name: str, share: float) -> float | None:
    """Percentile of the latency of an event over all runs."""
    times = [event["latency_ms"] for told in runs for event in told if event["event"] == name and event["latency_ms"]]
    value = percentile(times, share)
    return None if value is None else round(value, 1)


def latency(runs: Iterable[Iterable[dict[str, Any]]], share: float) -> float:
    """The same of captions.

    Raises:
        SystemExit: nothing was captioned.
    """
    value = milliseconds(runs, "Subtitle", share)
    if value is None:
        raise SystemExit("camera_senses: nothing was captioned; is there speech in the film?")
    return value


if __name__ == "__main__":
    sys.exit(main())
