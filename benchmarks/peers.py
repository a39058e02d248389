"""Ours and the others side by side: same inputs, same run, by turns; speed, memory, and quality of the same answers.

    python benchmarks/peers.py [--tasks speech,translation,signs,scene] [--resume] [--quick] [--json FILE]
        [--data FOLDER]

Makes what it needs: an environment with the peers (scripts/setup bench), and the same weights in their formats
(out/peers). Every system is a process of its own; ratios are ours over theirs, medians with a 90 % interval. Without
--data (folders speech-CODE, flores, signs, recognition with manifests) it takes the inputs that the program brings.
FILE is written after every comparison. Those of other tasks that stand in it stay, if they are of this machine, and
with --resume all that were finished. Exit status: 1 when a limit is missed that is no mere goal.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
for folder in (ROOT, ROOT / "scripts", ROOT / "benchmarks"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from edge.stopping import sigterm_is_ctrl_c  # noqa: E402 - runs from a checkout, too

if TYPE_CHECKING:
    from peers_comparing import Place, Plan
    from peers_report import Comparison, PeersReport

    MakePlan = Callable[[Place], Plan]

DATA = ROOT.parent / "shared" / "data"
RESULT = ROOT / "benchmarks" / "results" / "peers.json"
MADE = ROOT / "out" / "peers"
TASKS = ("speech", "translation", "signs", "scene")
ROUNDS, ROUNDS_QUICK = 5, 3
INSIDE = "EDGE_PEERS_INSIDE"
STOPPED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 1 when a limit is missed, 2 with one line when it cannot run, 130 when it was ended."""
    options = _options(arguments)
    if not options.here and INSIDE not in os.environ:
        return inside(list(sys.argv[1:] if arguments is None else arguments))
    from edge.errors import EdgeError

    try:
        with sigterm_is_ctrl_c():
            report = run(options)
    except EdgeError as error:
        tell(str(error))
        return 2
    except KeyboardInterrupt:
        tell(f"ended; {options.json} has what was finished; for the rest run the same with --resume")
        return STOPPED
    limits = [limit for comparison in report.comparisons for limit in comparison.limits]
    return int(any(not limit.held and not limit.goal for limit in limits))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=_tasks, default=TASKS, help=f"of {', '.join(TASKS)}; all without it")
    parser.add_argument("--resume", action="store_true", help="keep what an ended run has finished")
    parser.add_argument(
        "--quick", action="store_true", help="fewer inputs and rounds: for a look, no table, and without limits"
    )
    parser.add_argument("--rounds", type=int, help=f"times that each input is given; {ROUNDS} without it")
    parser.add_argument("--json", type=Path, default=RESULT, help="write all numbers here, after every comparison")
    parser.add_argument(
        "--data", type=Path, help="folder of evaluation data; without it, ../shared/data if it is there"
    )
    parser.add_argument("--no-data", action="store_true", help="take the inputs that the program brings")
    parser.add_argument("--made", type=Path, default=MADE, help="folder for the weights in other formats")
    parser.add_argument("--here", action="store_true", help="make no environment: peers that are not here are told")
    return parser.parse_args(arguments)


def _tasks(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in TASKS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(TASKS)}")
    return names


def inside(arguments: list[str]) -> int:
    """The same command in the environment of the peers, which is made first: it does not return if that works."""
    chosen = os.environ.get("EDGE_VENV_BENCH")
    python = (Path(chosen) if chosen else ROOT / ".venv-bench") / "bin" / "python"
    made = subprocess.run([str(ROOT / "scripts" / "setup"), "bench"], check=False)
    if made.returncode == 0:
        environment = {**os.environ, INSIDE: "1", "ORT_DISABLE_TELEMETRY": "1"}
        sys.stdout.flush()
        os.execve(python, [str(python), __file__, *arguments], environment)  # noqa: S606 - signals reach this process
    tell(f"{python.parents[1]} cannot be made (above); without it: --here")
    return 2


def run(options: argparse.Namespace) -> PeersReport:
    """All comparisons that were asked for; written and printed one by one.

    Raises:
        BenchmarkError: the report cannot be written.
    """
    from peers_report import PeersReport
    from peers_table import table

    from edge.hardware import machine

    report = PeersReport(quick=options.quick, machine=machine())
    wanted = plans(options.tasks)
    report = continued(report, options.json, wanted, again=not options.resume)
    report.write(options.json)
    todo = {task: plan for task, plan in wanted.items() if task in report.lacking}
    for comparison in comparisons(options, todo, report.machine.commit):
        report = with_comparisons(report, [comparison])
        report.write(options.json)
        print(table(comparison), flush=True)
    took_s = sum(one.seconds for one in report.comparisons)
    tell(f"{options.json}: {len(report.comparisons)} comparisons, measured in {took_s:.0f} s")
    return report


def continued(report: PeersReport, path: Path, wanted: Collection[str], *, again: bool) -> PeersReport:
    """With what an older file of this very machine has, and what is lacking.

    Args:
        report: a new one.
        path: of the older file, if there is any.
        wanted: names of comparisons.
        again: whether those are measured again that have been measured.
    """
    from peers_report import read_peers

    from edge.errors import BenchmarkError

    try:
        old = read_peers(path)
    except BenchmarkError:
        old = report
    if (old.quick, old.machine.cpu, old.machine.cores) != (report.quick, report.machine.cpu, report.machine.cores):
        old = report
    kept = [one for one in old.comparisons if one.task not in wanted or (one.status == "measured" and not again)]
    lacking = tuple(dict.fromkeys([*old.lacking, *wanted]))
    return with_comparisons(report.model_copy(update={"lacking": lacking}), kept)


def with_comparisons(report: PeersReport, more: Sequence[Comparison]) -> PeersReport:
    """A report with more comparisons, in the order of the tasks, and `complete` if nothing is lacking any more."""
    every = sorted([*report.comparisons, *more], key=lambda one: (TASKS.index(one.task.split()[0]), one.task))
    lacking = tuple(name for name in report.lacking if name not in {one.task for one in every})
    return report.model_copy(update={"comparisons": tuple(every), "lacking": lacking, "complete": not lacking})


def comparisons(options: argparse.Namespace, todo: Mapping[str, MakePlan], commit: str) -> Iterator[Comparison]:
    """Measured one after the other."""
    from peers_comparing import Place, compare, nothing_promised, now
    from peers_measuring import starter
    from peers_report import Comparison

    from edge.errors import EdgeError
    from edge.hub.store import ModelStore

    rounds = options.rounds or (ROUNDS_QUICK if options.quick else ROUNDS)
    with tempfile.TemporaryDirectory(prefix="peers-") as scratch:
        place = Place(
            store=ModelStore(),
            data=None if options.no_data else options.data or (DATA if DATA.is_dir() else None),
            made=options.made,
            scratch=Path(scratch),
            torch=torch_interpreter(),
            quick=options.quick,
            tell=tell,
        )
        for task, make in todo.items():
            tell(task)
            try:
                plan = make(place)
            except EdgeError as error:
                skipped = Comparison(task=task, data="", rounds=0, began=now(), seconds=0, commit=commit)
                yield skipped.model_copy(update={"status": "skipped", "reason": str(error)})
                continue
            if options.quick:
                plan = replace(plan, limits=nothing_promised)
            yield compare(plan, rounds, starter(place.scratch), commit, tell)


def plans(tasks: Sequence[str]) -> dict[str, MakePlan]:
    """What to compare, by the names of the comparisons."""
    import peers_scene
    import peers_signs
    import peers_speech
    import peers_translation

    every: dict[str, MakePlan] = {
        "speech": peers_speech.plan,
        "translation en-pt": partial(peers_translation.plan, source="en", target="pt"),
        "translation pt-en": partial(peers_translation.plan, source="pt", target="en"),
        "signs": peers_signs.plan,
        "scene": peers_scene.plan,
    }
    return {name: plan for name, plan in every.items() if name.split()[0] in tasks}


def torch_interpreter() -> Path | None:
    """Of the environment that makes models, if it has been made; torch is too large to install it for this."""
    chosen = os.environ.get("EDGE_VENV_EXPORT")
    python = (Path(chosen) if chosen else ROOT / ".venv-export") / "bin" / "python"
    return python if python.exists() else None


def tell(line: str) -> None:
    """Say on stderr what goes on."""
    print(f"peers: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
