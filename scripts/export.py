"""Exports a model of Hugging Face transformers to float ONNX graphs, and proves that they say what torch says.

    python scripts/export.py FOLDER --out out/made/mug-finder/float
    python scripts/export.py Helsinki-NLP/opus-mt-en-de --revision COMMIT --out out/made/opus-mt-en-de/float

Run it in the export environment (`scripts/setup export`). The new folder holds the graphs, `tokenizer.json` where there
is text, `model.json` (what the device needs) and `provenance.json` (where it came from, and the parity that was
measured). It appears whole or not at all. Next: `scripts/quantize.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from export_families import ExportOptions, load_family
from export_sources import Origin, Source, check, check_room, find, stage
from export_weights import check_complete
from provenance import PROVENANCE_FILE, Parity, Provenance, versions

from edge.errors import EdgeError, ExportError
from edge.inference.sessions import one_line
from edge.perception.descriptions import DESCRIPTION_FILE

_TASKS = {
    "text2text-generation": "translation",
    "automatic-speech-recognition": "speech-recognition",
    "image-classification": "image-recognition",
    "zero-shot-image-classification": "image-recognition",
}
"""Names of tasks on the hub to ours, where they differ."""

_ID = re.compile(r"[a-z0-9][a-z0-9.-]*")
_NOTHING = 1e-6
"""Outputs of which no element is larger are rounding, or nothing."""

_TEXT_FILES = (DESCRIPTION_FILE, "tokenizer.json")
_LIBRARY_SETTINGS = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Export what the command line names; 2, and one line on stderr, when that cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        parity = export(options)
    except (EdgeError, OSError) as error:
        if options.debug:
            traceback.print_exc()
        print(f"export: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("export: interrupted; nothing was written", file=sys.stderr)
        return 130
    print(parity_table(parity))
    print(f"\n{options.out}\nnext: scripts/quantize.py {options.out} --out {options.out.parent / 'quantised'}")
    return 0


def export(options: argparse.Namespace) -> list[Parity]:
    """Check, export and prove one model; writes `options.out`.

    Raises:
        EdgeError: what is wrong with the model or the options; `options.out` is as it was before.
    """
    out: Path = options.out
    _check_options(options)
    source = check(find(options.model, options.revision, options.licence, accept_licence=options.accept_licence))
    _check_task(source, options)
    model_id = options.id or default_id(source.origin)
    out.parent.mkdir(parents=True, exist_ok=True)
    print(check_room(source, out.parent))
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        provenance = _make(source, model_id, Path(scratch), made, options)
        provenance.write(made)
        if out.exists():
            out.replace(Path(scratch) / "replaced")
        made.replace(out)
    return provenance.parity


def _make(source: Source, model_id: str, scratch: Path, made: Path, options: argparse.Namespace) -> Provenance:
    """Everything but `provenance.json`, which is returned."""
    started = time.monotonic()
    staged = scratch / source.origin.name
    staged.mkdir()
    upstream = stage(source, staged)
    parity = _run_family(source, staged, made, options)
    _enforce(parity)
    _check_made(made)
    for licence in staged.glob("LICEN[SC]E*"):
        shutil.copyfile(licence, made / licence.name)
    return Provenance(
        id=model_id,
        task=source.task,
        architecture=source.model_type,
        repository=source.origin.repository,
        revision=source.origin.revision,
        licence=source.origin.licence,
        licence_url=source.origin.licence_url,
        parameters=source.weights.parameters,
        upstream=upstream,
        versions=versions(),
        seconds={"export": round(time.monotonic() - started, 1)},
        parity=parity,
    )


def _run_family(source: Source, staged: Path, made: Path, options: argparse.Namespace) -> list[Parity]:
    """Whatever goes wrong inside torch, transformers or optimum becomes one line."""
    wanted = ExportOptions(source=options.source, target=options.target, tolerance=options.tolerance)
    with contextlib.ExitStack() as quiet:
        quiet.enter_context(_isolated())
        if not options.debug:
            quiet.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            logging.disable(logging.WARNING)
            quiet.callback(logging.disable, logging.NOTSET)
        try:
            check_complete(staged, source.architecture)
            return load_family(source.model_type).export(staged, made, wanted)
        except EdgeError:
            raise
        except Exception as error:
            raise ExportError(
                f"{source.origin.name} cannot be exported as {source.model_type} ({type(error).__name__}: "
                f"{one_line(error)}); --debug shows where"
            ) from error


@contextlib.contextmanager
def _isolated() -> Iterator[None]:
    """Meanwhile the libraries talk to no hub, not even if this process has just talked to one."""
    from huggingface_hub import constants

    before = {name: os.environ.get(name) for name in _LIBRARY_SETTINGS}
    was_offline, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True  # read from the environment just once
    os.environ.update(_LIBRARY_SETTINGS)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = was_offline
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _check_options(options: argparse.Namespace) -> None:
    """What can be seen before anything is looked at."""
    out: Path = options.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        if not options.force:
            raise ExportError(f"{out} is there already; name another folder, or replace it with --force")
        if not (out / PROVENANCE_FILE).is_file():
            raise ExportError(f"{out} was not made by this script, so --force does not replace it; name another folder")
    if options.id and not _ID.fullmatch(options.id):
        raise ExportError(f"{options.id!r} is no id: small letters, digits, dots and dashes")
    if options.tolerance is not None and not 0 < options.tolerance < math.inf:
        raise ExportError(f"--tolerance {options.tolerance} is no difference that could be allowed; leave it out")


def _check_task(source: Source, options: argparse.Namespace) -> None:
    if options.task and _TASKS.get(options.task, options.task) != source.task:
        raise ExportError(f"{source.architecture} is for {source.task}, not for {options.task}; leave out --task")
    if source.task != "translation" and (options.source or options.target):
        raise ExportError(f"--from and --to belong to translation, and {source.architecture} is for {source.task}")


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
    if empty := next((found for found in parity if found.largest < _NOTHING), None):
        raise ExportError(
            f"{empty.graph}: {empty.output} is nothing even in torch (at most {empty.largest:.2g}), so parity proves "
            "nothing: are the weights trained?"
        )


def _check_made(made: Path) -> None:
    strange = [path.name for path in made.iterdir() if not path.match("*.onnx") and path.name not in _TEXT_FILES]
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


def default_id(origin: Origin) -> str:
    """Id for the catalogue from the name of a repository or folder: `OPUS-MT_en de` -> `opus-mt-en-de`.

    Raises:
        ExportError: nothing of the name can be in an id.
    """
    name = re.sub(r"[^a-z0-9.]+", "-", origin.name.lower()).strip(".-")
    if not name:
        raise ExportError(f"no id can be made from {origin.name!r}; give one with --id")
    return name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", metavar="MODEL_OR_FOLDER", help="owner/name[@revision] of the hub, or a folder")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--id", help="id for the catalogue; from the name if not given")
    parser.add_argument("--revision", help="branch, tag or commit of a hub's repository; main if not given")
    parser.add_argument("--task", help="what the model must be for, as a check; config.json decides")
    parser.add_argument("--from", dest="source", metavar="CODE", help="language that a translation model reads")
    parser.add_argument("--to", dest="target", metavar="CODE", help="language that it writes")
    parser.add_argument("--licence", help="SPDX id of a local folder's model")
    parser.add_argument("--accept-licence", action="store_true", help="also a licence that does not allow every use")
    parser.add_argument("--tolerance", type=float, help="most that an output may be away from torch's")
    parser.add_argument("--force", action="store_true", help="replace the folder if it is there")
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    return parser


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # optimum merges decoders in the order of a set: same bytes every time
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})  # noqa: S606
    sys.exit(main())
