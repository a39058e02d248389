"""What a stage gives the harness: a name, and in the process that measures it, calls to time and to judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.bench.report import Quality
from edge.hub.store import ModelStore
from edge.inference.sessions import SessionFactory
from edge.settings import Settings


@dataclass(frozen=True)
class Variant:
    """One way to run a stage; also the arguments of the process that measures it."""

    stage: str
    precision: str
    threads: int
    provider: str = "CPUExecutionProvider"


@dataclass(frozen=True)
class Bench:
    """What a stage is made from, in the process that measures it.

    Attributes:
        sessions: makes every session, so that the work of the stage can be counted.
        data: folder of evaluation data with manifests, where the user has one: quality is then measured on it.
        quick: use fewer items for quality.
    """

    variant: Variant
    store: ModelStore
    settings: Settings
    sessions: SessionFactory
    data: Path | None = None
    quick: bool = False


@dataclass(frozen=True)
class Prepared:
    """A stage with its models open.

    Attributes:
        samples: what is timed, in turns; each call is one query with pre- and post-processing, and repeatable.
        before_each: put back what a sample changed (recurrent state); not timed.
        quality: judges the same calls; run after the timing, not timed.
        units, unit: in one sample on average (tokens, lines, utterances).
        audio_s: seconds of sound in one sample.
        counted: units in one sample as the samples that ran counted them (tokens written); asked after the timing,
            it replaces `units`.
    """

    samples: Sequence[Callable[[], Any]]
    quality: Callable[[], Sequence[Quality]] = tuple
    before_each: Callable[[], None] | None = None
    units: float = 1.0
    unit: str = "sample"
    audio_s: float | None = None
    counted: Callable[[], float] | None = None


@dataclass(frozen=True)
class Stage:
    """One timed step of the program.

    Attributes:
        name: `sense.step`, such as `speech.encoder`.
        sample: what one sample is, for the table.
        prepare: opens the models and makes the calls. Raises EdgeError when that is not possible here: the stage is
            then marked as skipped, with the message.
        models: catalogue ids that it needs, for the default settings.
        precisions: those that it can run at; `-` where no model computes.
        threaded: whether the number of threads changes anything.
    """

    name: str
    sample: str
    prepare: Callable[[Bench], Prepared]
    models: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ("int8",)
    threaded: bool = True
    tags: frozenset[str] = field(default_factory=frozenset)
