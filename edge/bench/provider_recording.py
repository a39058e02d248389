"""What models were really asked and what they answered on the CPU: the questions for every other execution provider."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge.bench.stage import Bench, Stage, Variant
from edge.errors import BenchmarkError, EdgeError
from edge.hub.store import ModelStore
from edge.inference.providers import CPU
from edge.inference.sessions import Array, Session, SessionFactory
from edge.settings import InferenceSettings, Settings

KEPT = (0, 1, 3, 7, 15, 31)
"""Numbers of the runs that are kept: early and late ones, for a decoder's state grows."""


@dataclass(frozen=True)
class Run:
    """One call of a session: inputs and outputs by name."""

    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]


@dataclass
class Recording:
    """Some runs of one ONNX file, and with how many threads it was opened."""

    model: Path
    threads: int
    runs: list[Run] = field(default_factory=list)
    seen: int = 0

    def keep(self, run: Run) -> None:
        """Take the run if its turn is one of those that are kept."""
        if self.seen in KEPT:
            self.runs.append(run)
        self.seen += 1

    def save(self, file: Path) -> None:
        """Write the runs as `.npz`."""
        arrays = {
            f"{number}|{side}|{name}": array
            for number, run in enumerate(self.runs)
            for side, named in (("in", run.inputs), ("out", run.outputs))
            for name, array in named.items()
        }
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy 1 and 2 type it differently


def read_runs(file: Path) -> list[Run]:
    """Runs as `save` wrote them.

    Raises:
        BenchmarkError: it is no such file.
    """
    runs: dict[int, Run] = {}
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            for key in arrays.files:
                number, side, name = key.split("|", 2)
                run = runs.setdefault(int(number), Run({}, {}))
                named: Any = run.inputs if side == "in" else run.outputs
                named[name] = arrays[key]
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise BenchmarkError(f"{file} is no recording of a model; run: edge bench --providers") from error
    return [runs[number] for number in sorted(runs)]


class RecordingSessions(SessionFactory):
    """Sessions on the CPU whose runs are written down, by ONNX file."""

    def __init__(self, settings: InferenceSettings) -> None:
        super().__init__(settings.model_copy(update={"providers": (CPU,)}))
        self.recordings: dict[Path, Recording] = {}

    def open(self, model: Path | bytes, *, threads: int = 1) -> Session:
        """As `SessionFactory.open`; a graph in memory is not recorded."""
        session = super().open(model, threads=threads)
        if isinstance(model, bytes):
            return session
        threads = min(threads, self.threads)
        recording = self.recordings.setdefault(model, Recording(model, threads))
        recording.threads = max(recording.threads, threads)
        return _Recorded(session, recording)


class _Recorded:
    """A session that notes its runs."""

    def __init__(self, session: Session, recording: Recording) -> None:
        self._session = session
        self._recording = recording
        self.get_inputs = session.get_inputs
        self.get_outputs = session.get_outputs

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Array]) -> list[Array]:
        asked = {name: np.array(array) for name, array in input_feed.items()}
        outputs = self._session.run(output_names, input_feed)
        names = output_names or [output.name for output in self.get_outputs()]
        self._recording.keep(Run(asked, {name: np.array(out) for name, out in zip(names, outputs, strict=True)}))
        return outputs


def record(
    stages: Sequence[Stage], store: ModelStore, settings: Settings, say: Callable[[str], None]
) -> list[Recording]:
    """Run every sample of every stage once on the CPU; recordings of the files of the store that ran, in order.

    A stage that cannot be prepared (a model is missing) is told and left out.
    """
    sessions = RecordingSessions(settings.inference)
    for stage in stages:
        variant = Variant(stage.name, stage.precisions[0], settings.inference.threads)
        try:
            prepared = stage.prepare(Bench(variant, store, settings, sessions, quick=True))
            for sample in prepared.samples:
                if prepared.before_each is not None:
                    prepared.before_each()
                sample()
        except EdgeError as error:
            say(f"{stage.name}: left out ({error})")
    return [one for one in sessions.recordings.values() if one.runs]
