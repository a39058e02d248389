"""What `edge bench` writes: one JSON file of this shape, readable by people and by `benchmarks/compare.py`.

Terms: *sample* = one query of the single-stream scenario of MLPerf Inference (the next one starts when the last one is
answered), from call to answer, pre- and post-processing included. *Percentiles* are nearest rank. *Throughput* is
units a second at the median. *Real-time factor* is processing time over duration of the sound (below 1 keeps up).
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from edge.errors import BenchmarkError
from edge.hardware.record import Condition, Machine

SCHEMA: Literal[1] = 1
"""Files of another number are refused."""

Status = Literal["measured", "skipped", "failed", "unfinished"]
"""skipped: not possible here; failed: it broke; unfinished: stopped before enough was measured. Each has a reason."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Timing(_Record):
    """Times of the samples of one stage, warm-up left out.

    Attributes:
        count: samples measured.
        rounds_ms: median of each round (rounds are apart in time), in order.
        spread: range of the middle half of the medians of the rounds (nearest-rank quartiles), over their median; None
            with fewer than two rounds.
        noisy: the spread is beyond the stated bound of the report, or unknown.
        samples_ms: the samples in order, at most as many as the report's `kept_samples`, evenly thinned.
    """

    count: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    mean_ms: float
    min_ms: float
    rounds_ms: tuple[float, ...]
    spread: float | None
    noisy: bool
    samples_ms: tuple[float, ...]


class Quality(_Record):
    """How good the answers of the very run are that was timed.

    Attributes:
        metric: `WER`, `CER`, `chrF`, `top-1`, ...
        value: in percent unless the metric has none.
        data: what it was measured on.
        items: how many (words, lines, pictures).
        better: which way is better.
    """

    metric: str
    value: float
    data: str
    items: int
    better: Literal["higher", "lower"]


class Work(_Record):
    """What the sample of median time asks of the processor, counted from the graphs that ran.

    Attributes:
        weight_bytes: weights that must be read at least once for a sample.
        int8_operations: multiplications and additions of int8 matrix products.
        float_operations: the same in float.
        working_set_bytes: weights of the session that reads most of them, each once: what a cache would have to hold.
    """

    weight_bytes: int
    int8_operations: int
    float_operations: int
    working_set_bytes: int = 0


class Peaks(_Record):
    """What this machine reaches at a number of threads, measured in the same run.

    Attributes:
        bandwidth_gb_s: reading memory, 10^9 bytes a second; more bytes than any cache here holds.
        int8_gops: 10^9 int8 operations a second in a large matrix product through ONNX Runtime.
        float_gops: the same in float32.
        bandwidths: (bytes read again and again, 10^9 bytes a second), rising bytes; small sets stay in a cache.
    """

    threads: int
    bandwidth_gb_s: float
    int8_gops: float
    float_gops: float
    bandwidths: tuple[tuple[int, float], ...] = ()


class Floor(_Record):
    """The shortest time that this machine could take for a sample.

    Attributes:
        memory_ms: weight bytes over the bandwidth measured for a working set of that size.
        compute_ms: operations over measured peaks, int8 and float added.
        floor_ms: the larger of the two.
        ratio: measured median over the floor.
    """

    memory_ms: float
    compute_ms: float
    floor_ms: float
    ratio: float


class StageResult(_Record):
    """One stage at one precision and number of threads.

    Attributes:
        stage: name, such as `speech.encoder`.
        sample: what one sample is (`utterance of 5 s`).
        precision: `int8`, `fp32`, ...; `-` where no model computes.
        models: catalogue ids.
        threads: intra-op threads.
        provider: execution provider.
        default: whether the program itself runs the stage like this.
        load_ms: opening the models in a fresh process, files in the page cache.
        cold_ms: the first sample after it.
        units: units in one sample, and what they are called (12, `token`).
        throughput: units a second at the median.
        audio_s: seconds of sound in a sample.
        real_time_factor: median over `audio_s`.
        peak_rss_mb: most memory of the process that measured only this stage, interpreter and inputs included.
        energy_j: of one sample above idle, where a meter exists; else None.
        reason: why it is not `measured`, and what to run.
    """

    stage: str
    sample: str
    precision: str
    models: tuple[str, ...] = ()
    threads: int
    provider: str = "CPUExecutionProvider"
    default: bool = False
    status: Status = "measured"
    reason: str | None = None
    load_ms: float | None = None
    cold_ms: float | None = None
    timing: Timing | None = None
    units: float = 1.0
    unit: str = "sample"
    throughput: float | None = None
    audio_s: float | None = None
    real_time_factor: float | None = None
    peak_rss_mb: float | None = None
    quality: tuple[Quality, ...] = ()
    work: Work | None = None
    floor: Floor | None = None
    energy_j: float | None = None

    @property
    def key(self) -> tuple[str, str, int, str]:
        """What must be equal for two results to be compared."""
        return self.stage, self.precision, self.threads, self.provider


class Latency(_Record):
    """Glass to glass: percentiles over the events of the sessions. None: no such event."""

    count: int
    p50_ms: float | None = None
    p90_ms: float | None = None
    p99_ms: float | None = None
    samples_ms: tuple[float, ...] = ()


class Session(_Record):
    """One kind of session of the whole program, paced live.

    Attributes:
        name: `speech`, `signs`, `scene`, `all`, `silence`, `noise`, `sustained`, `soak`.
        senses: those that ran.
        seconds: from ready to the end; the last caption stays on show for 2.5 s of it.
        caption: last spoken sample to caption on the HUD.
        label: first frame in which a thing is looked at, to its name on the HUD.
        sign: first frame in which a sign is wholly in sight, to the last change of its overlay while the camera
            stands still.
        frames_captured, frames_dropped: of the camera; dropped = never looked at by the HUD.
        fps: pictures drawn a second.
        lag_s: most that a caption came behind the last spoken sample.
        audio_lost_s: sound that nobody could hear in time.
        caption_erasure: characters of shown captions that were taken back, per character in the end (normalised
            erasure; 0: nothing that was read changed).
        sign_changes_per_minute: changed texts of overlays on signs that did not change.
        sign_jitter_px: standard deviation of the corners of overlays about their path, median over signs.
        cpu_percent: of one core, start left out; decoding the film, in place of a camera, is in it.
        starts_ms: process start to ready, each session.
        quality: of the captions, signs and names of these sessions.
        conditions: the machine during the session, for temperature and latency over time.
        latency_over_time: (seconds since ready, milliseconds) of every caption.
        energy_j: from ready to the end, all that the meter covers; None without one.
        caption_first, caption_last: `caption` in the first minute, about, and in the last fifth of a long session, by
            whole showings of the film, so that the same words are compared.
        lag_growth_ms_per_h: slope of the latency of captions, of sessions of half an hour and more.
        threads, open_files: of the process, the most of its first minute and at the end.
        problems: what a long session must not do and did: memory that grows, senses that die, sound that is lost.
    """

    name: str
    senses: tuple[str, ...]
    status: Status = "measured"
    reason: str | None = None
    seconds: float = 0.0
    sessions: int = 1
    caption: Latency | None = None
    label: Latency | None = None
    sign: Latency | None = None
    frames_captured: int | None = None
    frames_dropped: int | None = None
    fps: float | None = None
    lag_s: float | None = None
    audio_lost_s: float | None = None
    caption_erasure: float | None = None
    sign_changes_per_minute: float | None = None
    sign_jitter_px: float | None = None
    cpu_percent: float | None = None
    peak_rss_mb: float | None = None
    rss_growth_mb_per_h: float | None = None
    energy_j: float | None = None
    starts_ms: tuple[float, ...] = ()
    quality: tuple[Quality, ...] = ()
    conditions: tuple[Condition, ...] = ()
    latency_over_time: tuple[tuple[float, float], ...] = ()
    caption_first: Latency | None = None
    caption_last: Latency | None = None
    lag_growth_ms_per_h: float | None = None
    threads: tuple[int, int] | None = None
    open_files: tuple[int, int] | None = None
    problems: tuple[str, ...] = ()


class Report(_Record):
    """Everything that one `edge bench` measured.

    Attributes:
        kind: `quick`, `full`, or `chosen` when the user named stages.
        began: UTC, ISO 8601, to the second.
        complete: False while it runs; a report of a killed run stays so.
        stopped: why it is not complete, when the program could still tell.
        noise_bound: a spread beyond it is marked noisy.
        slowdown: stages slowed down on purpose by `--plant`, with their factors; a report for trying out only.
        conditions: the machine before, between and after.
    """

    schema_version: Literal[1] = SCHEMA
    kind: Literal["quick", "full", "chosen"]
    began: str
    seconds: float = 0.0
    complete: bool = False
    stopped: str | None = None
    noise_bound: float
    kept_samples: int
    slowdown: dict[str, float] = {}
    machine: Machine
    peaks: tuple[Peaks, ...] = ()
    stages: tuple[StageResult, ...] = ()
    sessions: tuple[Session, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def write(self, path: Path) -> None:
        """Write all of it; the file is whole at any moment.

        Raises:
            BenchmarkError: the file cannot be written.
        """
        beside = path.parent / f".{path.name}.part"
        try:
            beside.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
            beside.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):  # half a report takes room that a full disk lacks
                beside.unlink(missing_ok=True)
            raise BenchmarkError(f"{path} cannot be written ({error.strerror}); choose another --json") from error


def read_report(path: Path) -> Report:
    """A report as `write` made it.

    Raises:
        BenchmarkError: no such file, or no report of this version.
    """
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be read ({error.strerror}); run: edge bench --json {path}") from error
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "the file"
        raise BenchmarkError(
            f"{path} is no report of edge bench, version {SCHEMA} ({where}: {error.errors()[0]['msg']}); "
            f"run: edge bench --json FILE"
        ) from error
