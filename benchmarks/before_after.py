"""One change, before and after: two checkouts take turns with the same stage or the same `edge run`, one process each.

Alternating makes a busy machine hurt both alike: judge the ratio of medians, and its spread. Seconds are CPU time of
the process with all its threads, so waiting costs nothing; how long one waits for a stage is told apart. A stage also
gives the SHA-256 of what it answered: `same` says whether both checkouts answered alike in every round.

    git worktree add /tmp/before COMMIT
    python benchmarks/before_after.py /tmp/before . [--stage scene-gate] [--rounds 9] [--json FILE]
    python benchmarks/before_after.py /tmp/before . --run "--senses scene --replay /FILM --pace max --from en --to pt"
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import platform
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPEATS = 200
"""Calls of a stage in one process, after the first ten."""
SLOW = {"speech-utterance": (5, 10), "speech-start": (1, 2)}
"""Stages that take long: first calls, which are not counted, and calls that are."""
_WARM = 10


@dataclass(frozen=True)
class Turn:
    """What one process took.

    Attributes:
        cpu_s: seconds of processor time: of the process, or per call of a stage.
        digest: SHA-256 of what it answered; empty where that is not compared.
        wall_s: seconds that a call of a stage takes, the median of all; 0 where nobody waits for one call.
    """

    cpu_s: float
    digest: str = ""
    wall_s: float = 0.0


Measure = Callable[[Path], Turn]
"""One turn of a checkout."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison; the exit status is 1 when a checkout fails."""
    options = _options(arguments)
    if options.worker:
        print(json.dumps(worked(options.worker)))
        return 0
    if options.before is None or options.after is None:
        print("two checkouts are needed: benchmarks/before_after.py BEFORE AFTER", file=sys.stderr)
        return 2
    report: dict[str, Any] = {"machine": platform.machine(), "processors": os.cpu_count(), "costs": {}}
    todo: dict[str, Measure] = {name: _stage(name) for name in options.stage or ([] if options.run else STAGES)}
    if options.run:
        todo[options.name] = _command(shlex.split(options.run))
    for name, measure in todo.items():
        try:
            report["costs"][name] = compare(options.before, options.after, measure, options.rounds)
        except subprocess.CalledProcessError as error:
            print(f"{name} failed: {(error.stderr or '').strip()[-300:]}", file=sys.stderr)
            return 1
        print(line(name, report["costs"][name]), flush=True)
    if options.json:
        write(options.json, report)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("before", type=Path, nargs="?", help="checkout of the old commit")
    parser.add_argument("after", type=Path, nargs="?", help="checkout of the new one")
    parser.add_argument("--stage", action="append", choices=sorted(STAGES), help="repeatable; all without --run")
    parser.add_argument("--run", help="arguments of `edge run`, in one string: CPU seconds of the whole process")
    parser.add_argument("--name", default="run", help="what the report calls --run")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, help="write the numbers here; costs of other names are kept")
    parser.add_argument("--worker", choices=sorted(STAGES), help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def compare(before: Path, after: Path, measure: Measure, rounds: int) -> dict[str, Any]:
    """Let two checkouts take turns; who begins changes from round to round.

    Returns:
        `before_s`, `after_s` (medians), `ratio` of them, `ratio_low` and `ratio_high` (quartiles of the ratios of the
        rounds), `rounds`, and `same`: whether all answers were alike (None: not compared). Of a stage also
        `before_wall_s`, `after_wall_s` and `wall_ratio`: how long one waits, which another program's work disturbs.

    Raises:
        ValueError: no round.
        subprocess.CalledProcessError: a checkout failed.
    """
    if rounds < 1:
        raise ValueError("there is at least one round")
    old: list[Turn] = []
    new: list[Turn] = []
    for number in range(rounds):
        turns = ((before, old), (after, new))
        for checkout, turn in turns if number % 2 == 0 else reversed(turns):
            turn.append(measure(checkout))
    ratios = [two.cpu_s / one.cpu_s for one, two in zip(old, new, strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive") if rounds > 1 else ratios * 3
    medians = [statistics.median(turn.cpu_s for turn in turns_of) for turns_of in (old, new)]
    digests = {turn.digest for turn in (*old, *new)}
    walls = [statistics.median(turn.wall_s for turn in turns_of) for turns_of in (old, new)]
    waited = (
        {"before_wall_s": walls[0], "after_wall_s": walls[1], "wall_ratio": walls[1] / walls[0]} if walls[0] else {}
    )
    return {
        **waited,
        "before_s": medians[0],
        "after_s": medians[1],
        "ratio": medians[1] / medians[0],
        "ratio_low": low,
        "ratio_high": high,
        "rounds": rounds,
        "same": None if digests == {""} else len(digests) == 1,
    }


def line(name: str, cost: dict[str, Any]) -> str:
    """One line of the table on stdout."""
    same = {None: "", True: ", same answers", False: ", OTHER ANSWERS"}[cost["same"]]
    waits = f", {cost['wall_ratio']:.2f} of the waiting" if "wall_ratio" in cost else ""
    return (
        f"{name:20s} {cost['before_s'] * 1e3:10.3f} ms -> {cost['after_s'] * 1e3:10.3f} ms of CPU, "
        f"{cost['ratio']:.2f} ({cost['ratio_low']:.2f} to {cost['ratio_high']:.2f}){waits}{same}"
    )


def write(path: Path, report: dict[str, Any]) -> None:
    """Write a report; costs of other names that are in the file stay."""
    kept = json.loads(path.read_text(encoding="utf-8"))["costs"] if path.exists() else {}
    text = json.dumps({**report, "costs": {**kept, **report["costs"]}}, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def _environment(checkout: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(checkout.resolve()), "PYTHONDONTWRITEBYTECODE": "1"}


def _stage(name: str) -> Measure:
    def measure(checkout: Path) -> Turn:
        command = [sys.executable, str(Path(__file__).resolve()), "--worker", name]
        done = subprocess.run(command, env=_environment(checkout), capture_output=True, text=True, check=True)
        return Turn(**json.loads(done.stdout.splitlines()[-1]))

    return measure


def _command(arguments: Sequence[str]) -> Measure:
    start = "from edge.cli import main; main()"

    def measure(checkout: Path) -> Turn:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with tempfile.TemporaryDirectory() as folder:
            picture = str(Path(folder) / "hud.png")
            command = [sys.executable, "-c", start, "run", *arguments, "--hud", picture]
            environment = _environment(checkout)
            # Python's -c looks for modules where it is started.
            subprocess.run(command, env=environment, cwd=checkout, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return Turn(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    return measure


def worked(stage: str) -> dict[str, Any]:
    """A stage called many times: seconds of one call (processor; median wait), and the digest of all answers."""
    call = STAGES[stage]()
    warm, counted = SLOW.get(stage, (_WARM, REPEATS))
    digest = hashlib.sha256()
    for number in range(warm):
        digest.update(call(number))
    begun = time.process_time()
    times = [time.perf_counter()]
    answers = []
    for number in range(warm, warm + counted):
        answers.append(call(number))
        times.append(time.perf_counter())
    cpu_s = (time.process_time() - begun) / counted
    for answer in answers:
        digest.update(answer)
    wall_s = statistics.median(after - before for before, after in itertools.pairwise(times))
    return {"cpu_s": cpu_s, "wall_s": wall_s, "digest": digest.hexdigest()}


def _frames() -> list[Any]:
    """Pictures of a camera that pans over soft patches, with the noise of a sensor: uint8 [540, 960, 3]."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(5)
    scene = cv2.resize(rng.integers(20, 220, (9, 24, 3)).astype(np.uint8), (1600, 540), interpolation=cv2.INTER_CUBIC)
    noise = rng.integers(-6, 7, (540, 960, 3))
    views = [scene[:, 25 * step : 25 * step + 960].astype(int) for step in range(20)]
    return [np.clip(view + np.roll(noise, step, axis=1), 0, 255).astype(np.uint8) for step, view in enumerate(views)]


def _scene_gate() -> Callable[[int], bytes]:
    """`SceneGate.see` and, where it says so, `keep`."""
    from edge.perception.scene_change import SceneGate

    gate, frames = SceneGate(), _frames()

    def call(number: int) -> bytes:
        view = gate.see(frames[number // 3 % len(frames)])
        if view == "new":
            gate.keep()
        return view.encode()

    return call


def _motion() -> Callable[[int], bytes]:
    """`MotionEstimator.update`, on frames of which every third is another one."""
    from edge.perception.motion import MotionEstimator

    estimator, frames = MotionEstimator(), _frames()

    def call(number: int) -> bytes:
        return repr(estimator.update(frames[number // 3 % len(frames)])).encode()

    return call


def _hud_frame() -> Callable[[int], bytes]:
    """A camera frame on the HUD, under a caption, beside a sign that moves: what it shows, as bytes."""
    from edge.events import SessionStarted, SignsMoved, SignTranslated, Subtitle
    from edge.hud.fonts import Fonts
    from edge.hud.loop import Hud
    from edge.media import VideoFrame
    from edge.settings import HudSettings

    kept: list[bytes] = []

    class Keeping:
        """A sink that keeps what it is shown, of every tenth picture."""

        name = "keeping"

        def show(self, image: Any, now_ns: int) -> None:
            kept.append(hashlib.sha256(image[::10].tobytes()).digest() if now_ns // 10**7 % 10 == 0 else b"")

        def poll(self, _now_ns: int) -> bool:
            return True

        def tell(self, event: Any) -> None:
            pass

        def close(self) -> None:
            pass

    frames = _frames()
    sink: Any = Keeping()
    hud = Hud(HudSettings(), [sink], Fonts.load(system=False))
    box = ((200.0, 200.0), (420.0, 200.0), (420.0, 260.0), (200.0, 260.0))
    hud.handle(SessionStarted(0, ("en",), "pt"), 0)
    hud.look(VideoFrame(frames[0], 0, 0))
    hud.handle(SignTranslated(0, 1, box, "EXIT", "SAIDA", "en", "pt"), 0)
    for utterance, text in enumerate(("Foi o melhor dos tempos.", "Foi o pior dos tempos, a idade da sabedoria.")):
        hud.handle(Subtitle(0, utterance + 1, "It was the best of times.", text, "en", "pt"), 0)

    def call(number: int) -> bytes:
        now_ns = number * 10**7
        hud.look(VideoFrame(frames[number % len(frames)], now_ns, number))
        moved = ((box[0][0] + number % 7, box[0][1]), *box[1:])
        hud.handle(SignsMoved(now_ns, ((1, moved),)), now_ns)
        hud.advance(now_ns)
        return kept[-1]

    return call


def _speech_utterance() -> Callable[[int], bytes]:
    """`SpeechRecognizer.transcribe` of five utterances of about 2 s; needs the installed models."""
    from edge.bench.inputs_speech import demo_utterances
    from edge.hub.store import ModelStore
    from edge.inference.sessions import SessionFactory
    from edge.perception.speech_recognition import SpeechRecognizer
    from edge.settings import Settings

    store, settings = ModelStore(), Settings()
    folder = store.open(settings.recognition.model)
    recognizer = SpeechRecognizer.load(folder, SessionFactory(settings.inference), settings.recognition)
    said = demo_utterances(store, 2)

    def call(number: int) -> bytes:
        return repr(recognizer.transcribe(said[number % len(said)].samples, ("en",))).encode()

    return call


def _speech_start() -> Callable[[int], bytes]:
    """The speech sense from files to ready, English to Portuguese; imports are done. Needs the installed models."""
    from edge.hub.store import ModelStore
    from edge.senses import LoadedSenses
    from edge.settings import Settings

    def call(_: int) -> bytes:
        senses = LoadedSenses.load(ModelStore(), Settings(), ("speech",), "en", "pt")
        senses.warm_up()
        return repr(senses.languages).encode()

    return call


STAGES: dict[str, Callable[[], Callable[[int], bytes]]] = {
    "scene-gate": _scene_gate,
    "motion": _motion,
    "hud-frame": _hud_frame,
    "speech-utterance": _speech_utterance,
    "speech-start": _speech_start,
}
"""Name -> what makes the call that is timed; it must run in both checkouts."""


if __name__ == "__main__":
    raise SystemExit(main())
