"""Ours and the others side by side: same inputs, same run, by turns; speed, memory, and quality of the same answers.

    python benchmarks/peers.py [--tasks speech,translation,signs,scene] [--quick] [--json FILE] [--data FOLDER]

Makes what it needs: an environment with the peers (scripts/setup bench), and the same weights in their formats
(out/peers). Every system is a process of its own; ratios are ours over theirs, medians with a 90 % interval. Without
--data (folders speech-CODE, flores, signs, recognition with manifests) it takes the inputs that the program brings.
Comparisons of other tasks that stand in FILE stay, if they are of this machine. Exit status: 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
for folder in (ROOT, ROOT / "scripts", ROOT / "benchmarks"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

if TYPE_CHECKING:
    from peers_comparing import Place, Plan
    from peers_report import Comparison, PeersReport

DATA = ROOT.parent / "shared" / "data"
RESULT = ROOT / "benchmarks" / "results" / "peers.json"
MADE = ROOT / "out" / "peers"
TASKS = ("speech", "translation", "signs", "scene")
ROUNDS, ROUNDS_QUICK = 5, 3
INSIDE = "EDGE_PEERS_INSIDE"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 1 when a limit is missed, 2 with one line when it cannot run."""
    options = _options(arguments)
    if not options.here and INSIDE not in os.environ:
        return _inside(list(sys.argv[1:] if arguments is None else arguments))
    from edge.errors import EdgeError

    try:
        report = run(options)
    except EdgeError as error:
        print(f"peers: {error}", file=sys.stderr)
        return 2
    missed = [limit for comparison in report.comparisons for limit in comparison.limits if not limit.held]
    return int(bool(missed))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=_tasks, default=TASKS, help=f"of {', '.join(TASKS)}; all without it")
    parser.add_argument("--quick", action="store_true", help="fewer inputs and rounds: for a look, not for a table")
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


def _inside(arguments: list[str]) -> int:
    """The same command in the environment of the peers, which is made first."""
    chosen = os.environ.get("EDGE_VENV_BENCH")
    python = (Path(chosen) if chosen else ROOT / ".venv-bench") / "bin" / "python"
    made = subprocess.run([str(ROOT / "scripts" / "setup"), "bench"], check=False)
    if made.returncode:
        print(f"peers: {python.parents[1]} cannot be made (above); without it: --here", file=sys.stderr)
        return 2
    environment = {**os.environ, INSIDE: "1", "ORT_DISABLE_TELEMETRY": "1"}
    return subprocess.run([str(python), __file__, *arguments], env=environment, check=False).returncode


def run(options: argparse.Namespace) -> PeersReport:
    """All comparisons that were asked for; written and printed one by one.

    Raises:
        BenchmarkError: the report cannot be written.
    """
    from peers_report import PeersReport
    from peers_table import table

    from edge.hardware import machine

    report = PeersReport(quick=options.quick, machine=machine(), comparisons=())
    report = report.model_copy(update={"comparisons": kept(options.json, report, options.tasks)})
    report.write(options.json)
    for comparison in comparisons(options, report.machine.commit):
        report = report.model_copy(update={"comparisons": in_order([*report.comparisons, comparison])})
        report.write(options.json)
        print(table(comparison), flush=True)
    report = report.model_copy(update={"complete": True})
    report.write(options.json)
    return report


def kept(path: Path, report: PeersReport, tasks: Sequence[str]) -> tuple[Comparison, ...]:
    """Comparisons of other tasks in an older file of this very machine."""
    from peers_report import read_peers

    from edge.errors import BenchmarkError

    try:
        old = read_peers(path)
    except BenchmarkError:
        return ()
    same = (old.quick, old.machine.cpu, old.machine.cores) == (report.quick, report.machine.cpu, report.machine.cores)
    return tuple(one for one in old.comparisons if same and one.task.split()[0] not in tasks)


def in_order(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """As the tasks are listed, whatever was measured first."""
    return tuple(sorted(comparisons, key=lambda one: (TASKS.index(one.task.split()[0]), one.task)))


def comparisons(options: argparse.Namespace, commit: str) -> Iterator[Comparison]:
    """Measured one after the other, as they are asked for."""
    from peers_comparing import Place, compare, now
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
        for task, plan in plans(options.tasks).items():
            tell(task)
            try:
                made = plan(place)
            except EdgeError as error:
                skipped = Comparison(task=task, data="", rounds=0, began=now(), seconds=0, commit=commit)
                yield skipped.model_copy(update={"status": "skipped", "reason": str(error)})
            else:
                yield compare(made, rounds, starter(place.scratch), commit, tell)


def plans(tasks: Sequence[str]) -> dict[str, Callable[[Place], Plan]]:
    """What to compare, by the names of the comparisons."""
    import peers_scene
    import peers_signs
    import peers_speech
    import peers_translation

    every: dict[str, Callable[[Place], Plan]] = {
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
