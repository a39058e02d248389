"""From a model of the hub or a folder to a small model that passed the gate, installed: the whole chain at once.

    scripts/make opus-mt-en-de                       an id of the catalogue (edge models list: "to be made")
    scripts/make Helsinki-NLP/opus-mt-en-de          any repository of the hub
    scripts/make ~/my-classifier --licence MIT       a folder

Export, quantise, gate, `edge models add`. The folders `float` and `quantised` stay in out/made/ID; a step is repeated
only when something it depends on has changed. It stops at the first refusal. Interrupted? Run it again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from make_steps import Steps, key_of
from make_subject import Subject, check_licence, find_subject, preview

from edge.errors import EdgeError
from edge.hub.locks import exclusive
from edge.hub.store import ModelStore

SCRIPTS = Path(__file__).resolve().parent
ADD = "from edge.cli import main; main()"
_WRITTEN_BY_GATE = ("provenance.json", "entry.toml", "card.md")
_INTERRUPTED = 130
_CHOOSING_ITEMS = 200
"""Most items of the data by which quantising chooses among the last candidates; the gate takes all."""


class _RefusedError(Exception):
    """A step ended with this exit status, and has said why."""

    def __init__(self, step: str, status: int) -> None:
        super().__init__(step)
        self.step, self.status = step, status


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what the command line names; 1 when the gate refuses it, 2 when a step cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        return make(options)
    except EdgeError as error:
        print(f"make: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"make: {error.strerror or error} ({error.filename or options.out})", file=sys.stderr)
        return 2
    except _RefusedError as refused:
        print(f"make: stopped at {refused.step}; nothing was installed", file=sys.stderr)
        return refused.status
    except KeyboardInterrupt:
        print("make: interrupted; run the same command to go on", file=sys.stderr)
        return _INTERRUPTED


def make(options: argparse.Namespace) -> int:
    """Preview, then the steps.

    Raises:
        EdgeError: it cannot be made, said before anything heavy begins.
        OSError: the disk cannot be written.
    """
    store = ModelStore()
    subject = find_subject(options.model, store.shipped, options.id, options.revision)
    out = Path(options.out) / subject.id
    upstream = _announce(subject, out, options)
    if options.preview:
        return 0
    out.mkdir(parents=True, exist_ok=True)

    def on_wait() -> None:
        print("another make is at work on it; waiting", flush=True)

    with exclusive(out / "make.lock", on_wait):
        _chain(subject, out, upstream, options)
    if options.no_add:
        print(f"ready: {out / 'quantised'}; copy it to the device and run there: edge models add quantised")
        return 0
    _run("edge models add", "-c", ADD, "models", "add", str(out / "quantised"), *_flags(options, "accept_licence"))
    print(f"for another device: copy {out / 'quantised'} there and run: edge models add quantised")
    return 0


def _announce(subject: Subject, out: Path, options: argparse.Namespace) -> str:
    """Print the preview; gives what identifies the upstream files."""
    if subject.folder:
        licence = options.licence or "LicenseRef-unknown"
        check_licence(licence, str(subject.folder), accepted=options.accept_licence)
        weights = sum(path.stat().st_size for path in subject.folder.glob("*.safetensors"))
        download, upstream = 0, key_of([], None, subject.folder)
    else:
        from edge.hub.hub_listing import list_repository
        from edge.hub.hub_snapshot import cache_root

        listing = list_repository(subject.source, subject.revision)
        licence, upstream = listing.licence, f"{listing.repository}@{listing.commit}"
        check_licence(licence, listing.page, accepted=options.accept_licence)
        here = cache_root() / listing.repository.replace("/", "--") / listing.commit
        weights = sum(file.size for file in listing.files if file.name.endswith(".safetensors"))
        download = sum(file.size for file in listing.files if not (here / file.name).is_file())
    for line in preview(subject, out, licence, weights, download):
        print(line, flush=True)
    return upstream


def _chain(subject: Subject, out: Path, upstream: str, options: argparse.Namespace) -> None:
    steps = Steps(out)
    exported, quantised = out / "float", out / "quantised"
    wanted = [subject.source, "--id", subject.id, *_languages(subject, options)]
    wanted += ["--revision", subject.revision] if subject.revision else []
    wanted += ["--task", subject.entry.task] if subject.entry else []
    wanted += [*_given(options, "licence"), *_flags(options, "accept_licence")]
    data = [*_given(options, "data"), *_given(options, "limit")]
    seen = "" if options.force else _data_seen(options.data)
    choosing = [*_given(options, "data"), *_given(options, "methods")]
    choosing += ["--limit", str(options.limit or _CHOOSING_ITEMS)] if options.data else []

    def step(name: str, key: str, result: Path, script: str, arguments: Sequence[str]) -> None:
        key = os.urandom(16).hex() if options.force else key
        print(f"\n== {name}: {script} ==", flush=True)
        if not steps.do(name, key, result, lambda: _run(name, str(SCRIPTS / script), *arguments)):
            print(f"done before, and nothing has changed: {result.parent}", flush=True)

    step(
        "export", key_of([*wanted, upstream], "*export*.py"), exported / "provenance.json", "export.py",
        [*wanted, "--out", str(exported), *(["--force"] if exported.exists() else [])],
    )  # fmt: skip
    step(
        "quantise", key_of([*choosing, seen], "quantize*.py", exported),
        quantised / "provenance.json", "quantize.py",
        [
            str(exported), "--out", str(quantised), *choosing, *(["--force"] if quantised.exists() else []),
        ],
    )  # fmt: skip
    judged = [*data, *_given(options, "replaces"), *_flags(options, "accept_licence")]
    step(
        "gate", key_of([*judged, seen], "[gq][au]*.py", quantised, _WRITTEN_BY_GATE),
        quantised / "entry.toml", "gate.py",
        [str(quantised), "--against", str(exported), *judged],
    )  # fmt: skip


def _languages(subject: Subject, options: argparse.Namespace) -> list[str]:
    if options.source or options.target:
        return [*_given(options, "source", "--from"), *_given(options, "target", "--to")]
    return ["--from", subject.languages[0], "--to", subject.languages[1]] if subject.languages else []


def _given(options: argparse.Namespace, name: str, flag: str = "") -> list[str]:
    value = getattr(options, name)
    if value is None:
        return []
    return [flag or f"--{name}", *map(str, value if isinstance(value, list) else [value])]


def _flags(options: argparse.Namespace, name: str) -> list[str]:
    return [f"--{name.replace('_', '-')}"] if getattr(options, name) else []


def _data_seen(folder: Path | None) -> str:
    """Names and sizes of the evaluation data, which may be large."""
    if folder is None:
        return ""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return json.dumps([(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files])


def _run(step: str, *arguments: str) -> None:
    """Run a script of the chain in this interpreter's environment; it prints for itself.

    Raises:
        _RefusedError: it ended with another status than 0.
    """
    status = subprocess.run([sys.executable, *arguments], check=False).returncode
    if status:
        raise _RefusedError(step, status if status > 0 else 2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/make", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", metavar="ID_OR_REPOSITORY_OR_FOLDER", help="what to make")
    parser.add_argument("--id", help="id of what is made; from the name if not given")
    parser.add_argument("--revision", help="branch, tag, commit or refs/pr/N of the repository")
    parser.add_argument("--from", dest="source", metavar="CODE", help="language that a translation model reads")
    parser.add_argument("--to", dest="target", metavar="CODE", help="language that it writes")
    parser.add_argument("--licence", metavar="SPDX", help="what the model in a folder is under")
    parser.add_argument("--accept-licence", action="store_true", help="also what does not allow every use")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="evaluation data for quantising and the gate")
    parser.add_argument("--limit", type=int, metavar="N", help="most items of it that are used")
    parser.add_argument("--methods", nargs="+", metavar="METHOD", help="of quantising; all that fit if not given")
    parser.add_argument("--replaces", metavar="ID", help="model that it must be faster or smaller than")
    parser.add_argument("--out", type=Path, default=Path("out/made"), metavar="FOLDER", help="default: out/made")
    parser.add_argument("--no-add", action="store_true", help="do not install it here")
    parser.add_argument("--preview", action="store_true", help="only say what it would take")
    parser.add_argument("--force", action="store_true", help="repeat every step")
    return parser


if __name__ == "__main__":
    sys.exit(main())
