"""The `edge` command. Thin: every command parses its options, imports what it needs, and calls one function."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from edge import cli_bench, cli_detect, cli_models, cli_read, cli_run, cli_scene
from edge.cli_options import JsonOption, SettingsOption, ThreadsOption, answer_each, print_error, print_json
from edge.errors import EdgeError

app = typer.Typer(
    name="edge",
    help="Offline assistant for smart glasses: captions speech, translates signs, names things, on this computer only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(cli_models.app, name="models")
for module in (cli_run, cli_read, cli_scene, cli_detect, cli_bench):
    module.register(app)


def program() -> None:
    """Entry point of the console script: `main`, and then the end of the process whatever its threads still do."""
    from edge.stopping import leave

    try:
        main()
    except SystemExit as end:
        leave(end.code if isinstance(end.code, int) else int(end.code is not None))
    leave(0)


def main() -> None:
    """Run the command: an EdgeError becomes one line on stderr and exit code 2."""
    try:
        app()
    except EdgeError as error:
        print_error(error)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader of our output has gone; give the interpreter nothing to flush to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None


@app.command()
def translate(
    source: Annotated[str, typer.Option("--from", metavar="CODE", help="Language of the input.")],
    target: Annotated[str, typer.Option("--to", metavar="CODE", help="Language of the output.")],
    glossary: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Fixed terms: source term, tab, target term.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="ID", help="Translation model of this direction; see edge models list.")
    ] = None,
    threads: ThreadsOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Translate stdin to stdout, line for line; each line is answered at once, empty lines are kept."""
    from edge.interface import line_translator
    from edge.settings import load_settings

    overrides: dict[str, dict[str, Any]] = {"translation": {"glossary": glossary}, "inference": {"threads": threads}}
    translate_line = line_translator(source, target, load_settings(settings, overrides), model)
    sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]  # a text stream in a command
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # the same
    for line in iter(sys.stdin.readline, ""):
        text = line.rstrip("\r\n")
        said = " ".join(translate_line(text).splitlines())
        if as_json:
            print_json({"source": text, "text": said, "from": source, "to": target})
        else:
            print(said, flush=True)


@app.command()
def transcribe(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Audio or video files.")],
    language: Annotated[
        str, typer.Option(metavar="auto|CODES", help="Languages that may be spoken, e.g. en or en,pt.")
    ] = "auto",
    task: Annotated[str, typer.Option(metavar="transcribe|translate", help="translate: into English.")] = "transcribe",
    model: Annotated[str | None, typer.Option(metavar="ID", help="Speech model; see edge models list.")] = None,
    threads: ThreadsOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write down what is said in recordings; each file is answered as soon as it is done."""
    from edge.interface import file_transcriber
    from edge.settings import load_settings

    overrides: dict[str, dict[str, Any]] = {"recognition": {"model": model}, "inference": {"threads": threads}}
    transcribe_file = file_transcriber(language, task, load_settings(settings, overrides))
    answer_each(files, transcribe_file, _print_segments, as_json=as_json)


def _print_segments(record: dict[str, Any]) -> None:
    for part in record["segments"]:
        print(f"[{part['start_s']:8.2f} -> {part['end_s']:8.2f}] {part['text']}", flush=True)


@app.command()
def devices(as_json: JsonOption = False) -> None:
    """List microphones and cameras with the names that --mic and --camera take."""
    from edge.sources.devices import list_devices, missing

    listed = list_devices()
    for device in listed:
        if as_json:
            print_json(asdict(device))
        else:
            print(device)
    for line in missing(listed) if not as_json else ():
        print(line)


@app.command()
def doctor(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Check board, store, hashes, models (a warm-up inference each), devices, display; exit 1 if something is wrong."""
    from edge.doctor import examine
    from edge.settings import load_settings

    healthy = True
    for finding in examine(load_settings(settings)):
        healthy &= finding.ok
        if as_json:
            print_json(finding.record())
        else:
            print(finding, flush=True)
    raise typer.Exit(0 if healthy else 1)


if __name__ == "__main__":
    program()
