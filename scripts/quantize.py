"""Quantises the float graphs of a folder that export.py made: tries, measures, keeps what is faithful, small and fast.

    python scripts/quantize.py out/made/mug-finder/float --out out/made/mug-finder/quantised [--data PICTURES]
    python scripts/quantize.py GRAPH.onnx --out FOLDER          a bare graph that takes pictures

Every graph is stored in all ways of `quantize_methods.py`. Each candidate is compared with the float graph on the same
inputs and timed against it turn by turn; where a method is not faithful enough, the groups of layers that suffer most
stay float. The table goes to the terminal and into `provenance.json`. The new folder appears whole or not at all.
Next: `scripts/gate.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from gate_limits import LIMITS
from provenance import PROVENANCE_FILE, Provenance, versions
from quantize_finalists import MOST, by_agreement, by_quality, judge_finalists
from quantize_folder import assemble, copy_rest, describe, write_graphs
from quantize_inputs import inputs_of
from quantize_methods import METHODS
from quantize_repeat import repeat
from quantize_table import print_trial
from quantize_timing import ROUNDS
from quantize_trial import Trial, Wishes, try_all
from rich.console import Console

from edge.errors import EdgeError, ExportError
from edge.inference.cpu import CpuClass, cpu_class
from edge.perception.descriptions import DESCRIPTION_FILE

DEFAULT_METHODS = ("dynamic", "rows", "weights8", "weights4", "static", "static-percentile")
LEAST_DB = 20.0
LEAST_AGREEMENT = 1 - LIMITS["agreement"]
_TIME_LIMIT_S = 480
_BARE_RECORD = "quantization.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Quantise what the command line names; 2, and one line on stderr, when that cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        quantize(options)
    except (EdgeError, OSError) as error:
        if options.debug:
            traceback.print_exc()
        print(f"quantize: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("quantize: interrupted; nothing was written", file=sys.stderr)
        return 130
    print(f"\n{options.out}\nnext: scripts/gate.py {options.out} --against {options.source}")
    return 0


def quantize(options: argparse.Namespace) -> None:
    """Try every graph, or repeat what an earlier run chose, and write `options.out`.

    Raises:
        EdgeError: what is wrong with the folder or the options; `options.out` is as it was before.
    """
    out: Path = options.out
    wishes = _wishes(options)
    _check_out(options)
    provenance = None if options.source.is_file() else Provenance.read(options.source)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        started = time.monotonic()
        made = Path(scratch) / "made"
        made.mkdir()
        record = _repeated(options, made) if options.like else _tried(options, wishes, Path(scratch), made)
        if provenance is None:
            (made / _BARE_RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        else:
            provenance.quantization = record
            provenance.verdict = None
            provenance.versions |= versions()
            provenance.seconds["quantize"] = round(time.monotonic() - started, 1)
            provenance.write(made)
        if out.exists():
            out.replace(Path(scratch) / "replaced")
        made.replace(out)


def _tried(options: argparse.Namespace, wishes: Wishes, scratch: Path, made: Path) -> dict[str, Any]:
    """Try everything, fill `made` with what was chosen, and give the record of it."""
    trials = _try(options, wishes, scratch)
    names = write_graphs(trials, made) if options.source.is_file() else assemble(options.source, made, trials)
    return _record(trials, names, wishes)


def _repeated(options: argparse.Namespace, made: Path) -> dict[str, Any]:
    """Fill `made` as an earlier run did."""
    record = Provenance.read(options.like).quantization
    if record is None or options.source.is_file():
        raise ExportError(f"{options.like} does not say how the graphs of a folder were quantised; leave out --like")
    repeat(inputs_of(options.source, options.data), record, made)
    copy_rest(options.source, made)
    names = {role: str(graph["file"]) for role, graph in record["graphs"].items()}
    precision = json.loads((options.like / DESCRIPTION_FILE).read_text(encoding="utf-8"))["precision"]
    describe(options.source, made, names, precision)
    return record


def _try(options: argparse.Namespace, wishes: Wishes, scratch: Path) -> dict[str, Trial]:
    console = Console()
    trials = {}
    begun = time.monotonic()
    found = inputs_of(options.source, options.data)
    started = time.monotonic()
    left = options.time_limit - (started - begun)
    for number, (role, inputs) in enumerate(found.items(), 1):
        deadline = started + left * number / len(found)
        with console.status("") as status:
            trials[role] = try_all(inputs, wishes, scratch, deadline, status.update)
    if options.source.is_dir():
        with console.status("answers of float") as status:
            by_data = options.limit and options.data
            judge = by_quality(options.source, options.data, options.limit) if by_data else by_agreement(options.source)
            few = MOST if by_data else len(METHODS)
            judge_finalists(options.source, trials, wishes, judge, most=few, first=not by_data, say=status.update)
    for role, trial in trials.items():
        print_trial(console, role, trial)
    return trials


def _record(trials: Mapping[str, Trial], names: Mapping[str, str], wishes: Wishes) -> dict[str, Any]:
    return {
        "cpu_class": wishes.cpu,
        "measured_on": cpu_class(),
        "threads": 1,
        "rounds": wishes.rounds,
        "least_sqnr_db": wishes.least_db,
        "least_agreement": wishes.least_agreement,
        "graphs": {role: trial.record(names[role]) for role, trial in trials.items()},
    }


def _wishes(options: argparse.Namespace) -> Wishes:
    methods = [name for part in options.methods for name in part.split(",") if name]
    for name in methods:
        if name not in METHODS:
            raise ExportError(f"no method named {name!r}; known are {', '.join(METHODS)}")
    if options.rounds < 1 or options.time_limit <= 0:
        raise ExportError("--rounds and --time-limit are more than 0")
    if not options.source.exists():
        raise ExportError(f"{options.source} is not there; make it with: scripts/export.py")
    return Wishes(
        methods or DEFAULT_METHODS,
        options.min_fidelity,
        options.min_agreement,
        options.cpu or cpu_class(),
        options.rounds,
    )


def _check_out(options: argparse.Namespace) -> None:
    out: Path = options.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        if not options.force:
            raise ExportError(f"{out} is there already; name another folder, or replace it with --force")
        if not any((out / name).is_file() for name in (PROVENANCE_FILE, _BARE_RECORD)):
            raise ExportError(f"{out} was not made by this script, so --force does not replace it; name another folder")
    if out.resolve() == options.source.resolve():
        raise ExportError(f"{out} holds the float graphs, which the gate needs; name another folder")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("source", type=Path, metavar="FOLDER", help="that export.py made, or a bare graph for pictures")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--data", type=Path, help="folder of pictures, sounds or texts to calibrate and judge with")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="also measure quality on N items of --data, and let it decide"
    )
    parser.add_argument(
        "--methods", nargs="+", default=[], metavar="METHOD", help=f"of {', '.join(METHODS)}; all if not given"
    )
    parser.add_argument("--min-fidelity", type=float, default=LEAST_DB, metavar="DB", help="SQNR that is enough")
    parser.add_argument(
        "--min-agreement",
        type=float,
        default=LEAST_AGREEMENT,
        metavar="SHARE",
        help="of equal largest logits on pictures",
    )
    parser.add_argument("--time-limit", type=float, default=_TIME_LIMIT_S, metavar="SECONDS", help="for all graphs")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of timing")
    parser.add_argument("--cpu", choices=get_args(CpuClass), help="class of the processor to make it for; this one's")
    parser.add_argument(
        "--like", type=Path, metavar="QUANTISED", help="repeat the choices of this folder without measuring"
    )
    parser.add_argument("--force", action="store_true", help="replace the folder if it is there")
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    return parser


if __name__ == "__main__":
    sys.exit(main())
