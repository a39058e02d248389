"""The shape of `benchmarks/results/peers.json`: every system on the same inputs in the same run, by turns."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from edge.bench.report import Quality, Status
from edge.errors import BenchmarkError
from edge.hardware.record import Machine

SCHEMA: Literal[1] = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Group(_Record):
    """One system on one kind of input.

    Attributes:
        group: such as `utterances of 5 s`.
        items: different inputs; each was run once per round.
        calls: timed calls in all.
        total_ms: what all inputs take together: the sum of their medians.
        ratio: our time over that of this system: the median over items of the median over rounds; None: it is ours.
        interval: 5th and 95th percentile of that ratio over resampled items.
        verdict: `we lead`, `level` (the interval holds 1), `behind by 12 %`; None: it is ours.
    """

    group: str
    items: int
    calls: int
    p50_ms: float
    p90_ms: float
    total_ms: float | None = None
    ratio: float | None = None
    interval: tuple[float, float] | None = None
    verdict: str | None = None


class SystemResult(_Record):
    """One system of a comparison.

    Attributes:
        system: name for the table.
        ours: whether the ratios are those of this system.
        weights: `same`, `same size, random` (its answers mean nothing), `its own`.
        note: what a reader must know to read its numbers.
        reason: why it was not measured, and what to run.
        versions: of the packages that compute, by name.
        load_ms: imports and opening, files in the page cache.
        peak_rss_mb: most memory of its process, interpreter and inputs included.
        groups: in the order of the inputs.
        quality: of the answers of this run.
    """

    system: str
    ours: bool = False
    precision: str
    threads: int
    weights: str
    note: str = ""
    status: Status = "measured"
    reason: str | None = None
    versions: dict[str, str] = {}
    load_ms: float | None = None
    peak_rss_mb: float | None = None
    groups: tuple[Group, ...] = ()
    quality: tuple[Quality, ...] = ()


class Limit(_Record):
    """What was promised and what was measured.

    Attributes:
        goal: it was never reached, and missing it is told but no failure.
    """

    what: str
    value: float
    limit: float
    held: bool
    goal: bool = False


class Comparison(_Record):
    """Systems that took turns on the same inputs.

    Attributes:
        task: `speech`, `translation en-pt`, `translation pt-en`, `signs`, `scene`.
        data: what the inputs are.
        rounds: times that each timed input was given to each system; the order of the systems turned every round.
        began: UTC, ISO 8601, to the second.
        commit: of this program.
    """

    task: str
    data: str
    rounds: int
    began: str
    seconds: float
    commit: str
    status: Status = "measured"
    reason: str | None = None
    systems: tuple[SystemResult, ...] = ()
    limits: tuple[Limit, ...] = ()


class PeersReport(_Record):
    """All comparisons; written after each one.

    Attributes:
        complete: all that were asked for are there.
        lacking: those that are not, as the run was ended.
    """

    schema_version: Literal[1] = SCHEMA
    quick: bool
    complete: bool = False
    lacking: tuple[str, ...] = ()
    machine: Machine
    comparisons: tuple[Comparison, ...] = ()

    def write(self, path: Path) -> None:
        """Write all of it; the file is whole at any moment.

        Raises:
            BenchmarkError: the file cannot be written.
        """
        beside = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
            beside.replace(path)
        except OSError as error:
            raise BenchmarkError(f"{path} cannot be written ({error.strerror}); choose another --json") from error


def read_peers(path: Path) -> PeersReport:
    """A report as `write` made it.

    Raises:
        BenchmarkError: no such file, or no report of this version.
    """
    again = f"run: python benchmarks/peers.py --json {path}"
    try:
        return PeersReport.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be read ({error.strerror}); {again}") from error
    except ValidationError as error:
        raise BenchmarkError(f"{path} is no report of benchmarks/peers.py, version {SCHEMA}; {again}") from error
