"""What to measure: stages x precisions x threads, in rounds that are apart in time."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.bench.stage import Stage, Variant
from edge.errors import BenchmarkError

CPU = "CPUExecutionProvider"
NONE = "none"
"""In place of names: nothing of the kind."""
QUICK_S = 120.0
"""How long `--quick` should take."""
QUICK_LEAST_ROUNDS, FULL_ROUNDS = 2, 8
"""Rounds that a stage must have to be called measured; a quick benchmark measures more in the time that is left."""
FULL_ROUND_S = 1.0
"""Time measured in each round of a full benchmark."""
_OPENING_S, _ROUND_SHARE = 5.0, 2.1
"""Of a variant, and of a round over what it measures at least: whole turns take longer."""
_PROVIDER = "ExecutionProvider"
_DATA = ("flores", "recognition", "signs", "speech-*")


@dataclass(frozen=True)
class Choice:
    """What the user asked for.

    Attributes:
        quick: two minutes in all; else full.
        stages: names, or `none`; empty: all.
        precisions: empty: the default one (quick) or all.
        threads: empty: the program's own number (quick) or 1, 2, 4 ... up to all.
        providers: execution providers of ONNX Runtime.
        slowdown: factors of `--plant` by stage.
        data: folder of evaluation data.
        settings: settings file.
    """

    quick: bool = False
    stages: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    threads: tuple[int, ...] = ()
    providers: tuple[str, ...] = (CPU,)
    slowdown: tuple[tuple[str, float], ...] = ()
    data: Path | None = None
    settings: Path | None = None

    @property
    def kind(self) -> Literal["quick", "full", "chosen"]:
        """As the report names it."""
        if self.stages or self.precisions or self.threads or self.providers != (CPU,):
            return "chosen"
        return "quick" if self.quick else "full"

    @property
    def least_rounds(self) -> int:
        """How many rounds a stage must have to be called measured."""
        return QUICK_LEAST_ROUNDS if self.quick else FULL_ROUNDS


def variants(choice: Choice, stages: Sequence[Stage], own_threads: int, cores: int) -> tuple[Variant, ...]:
    """What is measured, in order.

    Args:
        choice: of the user.
        stages: all there are.
        own_threads: what the program uses by itself.
        cores: that this process may use.

    Raises:
        BenchmarkError: a stage or precision that no stage has.
    """
    if choice.stages == (NONE,):
        return ()
    chosen = select(choice.stages, stages)
    known = {precision for stage in chosen for precision in stage.precisions}
    for precision in choice.precisions:
        check(precision, known, "precision of these stages", "edge bench --list")
    counts = choice.threads or ((own_threads,) if choice.quick else thread_counts(own_threads, cores))
    return tuple(
        Variant(stage.name, precision, count, provider)
        for stage in chosen
        for precision in _precisions(stage, choice)
        for count in (counts if stage.threaded else (1,))
        for provider in (choice.providers if stage.models else (CPU,))
    )


def _precisions(stage: Stage, choice: Choice) -> tuple[str, ...]:
    if choice.precisions:
        return tuple(precision for precision in stage.precisions if precision in choice.precisions)
    return stage.precisions[:1] if choice.quick else stage.precisions


def select(names: Sequence[str], stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The stages of these names, or of a sense (`speech`), in their own order; all where there are no names.

    Raises:
        BenchmarkError: a name that nothing has; names the nearest.
    """
    known = {stage.name for stage in stages} | {stage.name.partition(".")[0] for stage in stages}
    for name in names:
        check(name, known, "stage", "edge bench --list")
    return tuple(stage for stage in stages if not names or stage.name in names or stage.name.partition(".")[0] in names)


def check(name: str, known: Iterable[str], what: str, command: str) -> None:
    """Raise BenchmarkError unless `name` is among `known`; it names the nearest one and `command`, which lists all."""
    names = sorted(known)
    if name in names:
        return
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    raise BenchmarkError(f"no {what} {name!r}; {hint}run: {command}")


def check_surroundings(choice: Choice, providers: Sequence[str]) -> None:
    """Refuse what this machine lacks, before minutes are spent on finding nothing.

    Args:
        choice: of the user.
        providers: execution providers that ONNX Runtime offers here; empty: unknown.

    Raises:
        BenchmarkError: a provider that is not here, a folder of evaluation data that has none.
    """
    names = [provider.removesuffix(_PROVIDER) for provider in providers]
    for provider in choice.providers if names else ():
        if (name := provider.removesuffix(_PROVIDER)) not in names:
            raise BenchmarkError(f"no execution provider {name!r} here, only {', '.join(names)}; run: edge doctor")
    if choice.data is not None and not _has_data(choice.data):
        kinds = ", ".join(_DATA).replace("*", "CODE")
        raise BenchmarkError(f"no evaluation data in {choice.data}: it has no folder of {kinds}; choose another --data")


def _has_data(folder: Path) -> bool:
    try:
        return any(path.is_dir() for pattern in _DATA for path in folder.glob(pattern))
    except OSError as error:
        raise BenchmarkError(f"{folder} cannot be read ({error.strerror}); choose another --data") from error


def thread_counts(own_threads: int, cores: int) -> tuple[int, ...]:
    """1, 2, 4 ... up to all cores, all cores, and the program's own number."""
    powers = [1 << power for power in range(cores.bit_length()) if 1 << power <= cores]
    return tuple(sorted({*powers, cores, own_threads}))


def full_seconds(count: int) -> float:
    """About how long so many variants take in a full benchmark, sessions left out."""
    return count * (FULL_ROUNDS * FULL_ROUND_S * _ROUND_SHARE + _OPENING_S)


def is_default(variant: Variant, stage: Stage, own_threads: int) -> bool:
    """Whether the program itself runs the stage like this."""
    threads = own_threads if stage.threaded else 1
    return variant == Variant(stage.name, stage.precisions[0], threads, CPU)
