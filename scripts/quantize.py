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
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from provenance import PROVENANCE_FILE, Provenance, versions
from quantize_inputs import inputs_of
from quantize_methods import METHODS
from quantize_table import print_trial
from quantize_timing import ROUNDS
from quantize_trial import Trial, Wishes, try_all
from rich.console import Console

from edge.errors import EdgeError, ExportError
from edge.inference.cpu import CpuClass, cpu_class
from edge.perception.descriptions import DESCRIPTION_FILE

DEFAULT_METHODS = ("dynamic", "rows", "weights8", "weights4", "static", "static-percentile")
LEAST_DB = 20.0
LEAST_AGREEMENT = 0.0
_TIME_LIMIT_S = 480
_BARE_RECORD = "quantization.json"
_ORDER = ("int8", "q4", "q8", "fp32")


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


def quantize(options: argparse.Namespace) -> dict[str, Trial]:
    """Try every graph and write `options.out`.

    Returns:
        Role to what was found out about its graph.

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
        trials = _try(options, wishes, Path(scratch))
        made = Path(scratch) / "made"
        made.mkdir()
        names = write_graphs(trials, made, same_name=_is_whisper(options.source))
        record = _record(trials, names, wishes)
        if provenance is None:
            (made / _BARE_RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        else:
            copy_rest(options.source, made, trials)
            describe(options.source, made, names, precision_of(trials))
            provenance.quantization = record
            provenance.verdict = None
            provenance.versions |= versions()
            provenance.seconds["quantize"] = round(time.monotonic() - started, 1)
            provenance.write(made)
        if out.exists():
            out.replace(Path(scratch) / "replaced")
        made.replace(out)
    return trials


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
        print_trial(console, role, trials[role])
    return trials


def write_graphs(trials: Mapping[str, Trial], made: Path, *, same_name: bool = False) -> dict[str, str]:
    """Put the chosen graphs into `made`; role to file name. `same_name`: all carry the precision of the folder."""
    names = {}
    whole = precision_of(trials)
    for role, trial in trials.items():
        stem = trial.inputs.file.stem.removesuffix("_fp32")
        suffix = whole if same_name else trial.winner.precision
        names[role] = f"{stem}_{suffix}.onnx" if suffix != "fp32" else trial.inputs.file.name
        shutil.copyfile(trial.files[trial.chosen], made / names[role])
    return names


def precision_of(trials: Mapping[str, Trial]) -> str:
    """One word for a folder of several graphs: what the furthest from float among them is."""
    return min((trial.winner.precision for trial in trials.values()), key=_ORDER.index)


def copy_rest(source: Path, made: Path, trials: Mapping[str, Trial]) -> None:
    """Tokenizer and licence, as they are."""
    written = {trial.inputs.file.name for trial in trials.values()} | {DESCRIPTION_FILE, PROVENANCE_FILE}
    for file in source.iterdir():
        if file.is_file() and file.name not in written and (file.suffix != ".onnx"):
            shutil.copyfile(file, made / file.name)


def describe(source: Path, made: Path, names: Mapping[str, str], precision: str) -> None:
    """`model.json` with the new names of the graphs."""
    content: dict[str, Any] = json.loads((source / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    content["precision"] = precision
    if "graphs" in content:
        content["graphs"] = {**content["graphs"], **names}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (made / DESCRIPTION_FILE).write_text(text + "\n", encoding="utf-8")


def _is_whisper(source: Path) -> bool:
    """Whether the names of the graphs follow from the precision."""
    file = source / DESCRIPTION_FILE
    return file.is_file() and "graphs" not in json.loads(file.read_text(encoding="utf-8"))


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
        "--methods", nargs="+", default=[], metavar="METHOD", help=f"of {', '.join(METHODS)}; all if not given"
    )
    parser.add_argument("--min-fidelity", type=float, default=LEAST_DB, metavar="DB", help="SQNR that is enough")
    parser.add_argument(
        "--min-agreement", type=float, default=LEAST_AGREEMENT, metavar="SHARE", help="of equal largest logits"
    )
    parser.add_argument("--time-limit", type=float, default=_TIME_LIMIT_S, metavar="SECONDS", help="for all graphs")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of timing")
    parser.add_argument("--cpu", choices=get_args(CpuClass), help="class of the processor to make it for; this one's")
    parser.add_argument("--force", action="store_true", help="replace the folder if it is there")
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    return parser


if __name__ == "__main__":
    sys.exit(main())
