"""The `edge` command. Thin: every command parses its options, imports what it needs, and calls one function."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from edge import cli_models, cli_read, cli_scene
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
cli_read.register(app)
cli_scene.register(app)

SettingsOption = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE", help="Settings file (TOML); see docs/settings.md.")
]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="Most threads any one model may use.", show_default="2")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def main() -> None:
    """Entry point of the console script: an EdgeError becomes one line on stderr and exit code 2."""
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


def print_error(error: Exception) -> None:
    """Tell the user on stderr, on one line."""
    print(f"edge: {' '.join(str(error).split())}", file=sys.stderr, flush=True)


def print_json(record: dict[str, Any]) -> None:
    """One JSON object on one line of stdout, flushed."""
    print(json.dumps(record, ensure_ascii=False), flush=True)


@app.command()
def translate(
    source: Annotated[str, typer.Option("--from", metavar="CODE", help="Language of the input.")],
    target: Annotated[str, typer.Option("--to", metavar="CODE", help="Language of the output.")],
    glossary: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Fixed terms: source term, tab, target term.")
    ] = None,
    threads: ThreadsOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Translate stdin to stdout, line for line; each line is answered at once, empty lines are kept."""
    from edge.interface import line_translator
    from edge.settings import load_settings

    overrides: dict[str, dict[str, Any]] = {"translation": {"glossary": glossary}, "inference": {"threads": threads}}
    translate_line = line_translator(source, target, load_settings(settings, overrides))
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
    failed = False
    for file in files:
        try:
            record = transcribe_file(file)
        except EdgeError as error:
            print_error(error)
            failed = True
            continue
        if as_json:
            print_json(record)
        else:
            for part in record["segments"]:
                print(f"[{part['start_s']:8.2f} -> {part['end_s']:8.2f}] {part['text']}", flush=True)
    if failed:
        raise typer.Exit(2)


@app.command()
def run(
    source: Annotated[str, typer.Option("--from", metavar="auto|CODES", help="Spoken languages, e.g. en or en,es.")],
    target: Annotated[str, typer.Option("--to", metavar="CODE", help="The wearer's language.")],
    mic: Annotated[
        str | None,
        typer.Option(
            metavar="URI", help="Microphone: number or part of its name; see edge devices.", show_default="default"
        ),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Camera: number, device, URL, picture, folder, film; see edge devices."),
    ] = None,
    senses: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            help="speech: captions; signs: translated in place; scene: names of things. E.g. speech,signs,scene.",
        ),
    ] = "speech",
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A recording instead of microphone and camera.")
    ] = None,
    pace: Annotated[str, typer.Option(metavar="live|max", help="Replay like life, or flat out.")] = "live",
    hud: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SINK",
            help="window, console, FILE.mp4, FILE.png or frames:FOLDER; repeatable.",
            show_default="window, else console",
        ),
    ] = None,
    events: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Write every event, one JSON object a line.")
    ] = None,
    save: Annotated[
        list[Path] | None, typer.Option(metavar="FILE.srt|.txt|.jsonl", help="Save the captions; the HUD shows REC.")
    ] = None,
    show: Annotated[
        str | None, typer.Option(metavar="both|translation|source", help="Lines of a caption.", show_default="both")
    ] = None,
    overlay: Annotated[
        str | None,
        typer.Option(
            metavar="replace|below|off", help="Where the translation of a sign stands.", show_default="replace"
        ),
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Size of the HUD in pixels.", show_default="960x540")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="ID", help="Speech model.")] = None,
    glossary: Annotated[Path | None, typer.Option(metavar="FILE", help="Fixed terms: source, tab, target.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop after so many seconds.")] = None,
    threads: ThreadsOption = None,
    settings: SettingsOption = None,
) -> None:
    """Hear, read and recognise, live or from a recording: captions, translated signs, names. Ctrl-C, q or Esc ends."""
    from edge.app import run_session
    from edge.run_options import RunOptions
    from edge.settings import load_settings

    width, height = _size(size)
    overrides: dict[str, dict[str, Any]] = {
        "hud": {"width": width, "height": height, "show": show, "overlay": overlay},
        "recognition": {"model": model},
        "translation": {"glossary": glossary},
        "inference": {"threads": threads},
    }
    options = RunOptions(
        source=source, target=target, mic=mic, camera=camera, replay=replay, pace=pace,
        huds=tuple(hud or ()), events=events, save=tuple(save or ()), seconds=seconds,
        senses=tuple(dict.fromkeys(name.strip() for name in senses.split(",") if name.strip())),
    )  # fmt: skip
    status = run_session(options, load_settings(settings, overrides), lambda line: typer.echo(line, err=True))
    raise typer.Exit(status)


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
    """Check store, hashes, models (one warm-up inference each), devices, display; exit 1 if something is wrong."""
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


def _size(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise typer.BadParameter(f"{text!r} is no size; write for example 960x540", param_hint="--size")
    return int(width), int(height)


if __name__ == "__main__":
    main()
