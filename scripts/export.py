"""Exports a model of Hugging Face transformers to float ONNX graphs, and proves that they say what torch says.

    python scripts/export.py FOLDER --out out/made/mug-finder/float
    python scripts/export.py Helsinki-NLP/opus-mt-en-de --revision COMMIT --out out/made/opus-mt-en-de/float

Run it in the export environment (`scripts/setup export`). The new folder holds the graphs, `tokenizer.json` where there
is text, `model.json` (what the device needs) and `provenance.json` (where it came from, and the parity that was
measured). It appears whole or not at all. Next: `scripts/quantize.py`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from export_families import ExportOptions, load_family
from export_sources import Origin, Source, check, local_origin, stage
from provenance import Parity, Provenance, versions

from edge.errors import EdgeError, ExportError
from edge.perception.descriptions import DESCRIPTION_FILE


def main(arguments: Sequence[str] | None = None) -> int:
    """Export what the command line names; 2, and one line on stderr, when that cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        parity = export(options)
    except EdgeError as error:
        if options.debug:
            traceback.print_exc()
        print(f"export: {error}", file=sys.stderr)
        return 2
    print(parity_table(parity))
    print(f"\n{options.out}\nnext: scripts/quantize.py {options.out} --out {options.out.parent / 'quantised'}")
    return 0


def export(options: argparse.Namespace) -> list[Parity]:
    """Check, export and prove one model; writes `options.out`.

    Raises:
        ExportError: what is wrong with the model or the options; `options.out` is as it was before.
    """
    out: Path = options.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not options.force:
        raise ExportError(f"{out} is there already; name another folder, or replace it with --force")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        made = Path(scratch) / "made"
        parity = _make(options, _origin(options), Path(scratch), made)
        if out.exists():
            out.replace(Path(scratch) / "replaced")
        made.replace(out)
    return parity


def _origin(options: argparse.Namespace) -> Origin:
    return local_origin(Path(options.model), options.licence)


def _make(options: argparse.Namespace, origin: Origin, scratch: Path, made: Path) -> list[Parity]:
    source = check(origin)
    if options.task and options.task != source.task:
        raise ExportError(f"{source.model_type} is for {source.task}, not for {options.task}; leave out --task")
    started = time.monotonic()
    staged = scratch / origin.folder.resolve().name
    staged.mkdir()
    made.mkdir()
    upstream = stage(origin, staged)
    parity = _run_family(source, staged, made, options)
    _enforce(parity)
    _check_made(made)
    for licence in staged.glob("LICEN[SC]E*"):
        shutil.copyfile(licence, made / licence.name)
    Provenance(
        id=options.id or default_id(options.model),
        task=source.task,
        architecture=source.model_type,
        repository=origin.repository,
        revision=origin.revision,
        licence=origin.licence,
        parameters=source.parameters,
        upstream=upstream,
        versions=versions(),
        seconds={"export": round(time.monotonic() - started, 1)},
        parity=parity,
    ).write(made)
    return parity


def _run_family(source: Source, staged: Path, made: Path, options: argparse.Namespace) -> list[Parity]:
    """Whatever goes wrong inside torch, transformers or optimum becomes one line."""
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1")
    wanted = ExportOptions(source=options.source, target=options.target, tolerance=options.tolerance)
    try:
        return load_family(source.model_type).export(staged, made, wanted)
    except EdgeError:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        raise ExportError(
            f"{source.origin.folder} cannot be exported as {source.model_type} ({type(error).__name__}: {lines[0]}); "
            "--debug shows where"
        ) from error


def _enforce(parity: Sequence[Parity]) -> None:
    if not parity:
        raise ExportError("the family compared nothing with torch; this is a fault of the family's module")
    missed = [found for found in parity if not found.holds]
    if missed:
        print(parity_table(parity))
        worst = max(missed, key=lambda found: found.max_difference)
        raise ExportError(
            f"{worst.graph}: {worst.output} is {worst.max_difference:.2g} away from torch (tolerance "
            f"{worst.tolerance:.2g}); nothing was written"
        )


def _check_made(made: Path) -> None:
    strange = [path.name for path in made.iterdir() if not path.match("*.onnx") and not path.match("*.json")]
    if strange or not (made / DESCRIPTION_FILE).is_file():
        raise ExportError(f"the family left {', '.join(strange) or 'no ' + DESCRIPTION_FILE}; this is a fault of it")


def parity_table(parity: Sequence[Parity]) -> str:
    """One line per compared output: how far ONNX Runtime is from torch."""
    width = max(len(f"{found.graph} {found.output}") for found in parity)
    lines = [f"{'output':{width}}  {'difference':>10}  {'of at most':>10}  {'tolerance':>9}"]
    for found in parity:
        verdict = "" if found.holds else "  MISSED"
        lines.append(
            f"{found.graph + ' ' + found.output:{width}}  {found.max_difference:10.2g}  {found.largest:10.3g}  "
            f"{found.tolerance:9.2g}{verdict}"
        )
    return "\n".join(lines)


def default_id(model: str) -> str:
    """Id for the catalogue from the name of a folder or repository: `Helsinki-NLP/opus-mt-en-de` -> `opus-mt-en-de`."""
    name = re.sub(r"[^a-z0-9.-]+", "-", Path(model).resolve().name.lower()).strip(".-")
    if not name:
        raise ExportError(f"no id can be made from {model!r}; give one with --id")
    return name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", metavar="MODEL_OR_FOLDER", help="owner/name of a hub, or a folder")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--id", help="id for the catalogue; from the name if not given")
    parser.add_argument("--task", help="what the model must be for; a check")
    parser.add_argument("--from", dest="source", metavar="CODE", help="language that a translation model reads")
    parser.add_argument("--to", dest="target", metavar="CODE", help="language that it writes")
    parser.add_argument("--licence", help="SPDX id of a local folder's model")
    parser.add_argument("--tolerance", type=float, help="most that an output may be away from torch's")
    parser.add_argument("--force", action="store_true", help="replace the folder if it is there")
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    return parser


if __name__ == "__main__":
    sys.exit(main())
