"""`edge run`: the live session, or one from a recording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edge.cli_options import SettingsOption, ThreadsOption
from edge.run_options import SPEECH

SpokenOption = Annotated[
    str, typer.Option("--from", metavar="auto|CODES", help="Spoken languages, e.g. en or en,es; also those of signs.")
]
TargetOption = Annotated[str, typer.Option("--to", metavar="CODE", help="The wearer's language.")]
SensesOption = Annotated[
    str,
    typer.Option(
        metavar="LIST",
        help="speech: captions; signs: translated in place; scene: names of things; objects: boxes around things.",
    ),
]
MicOption = Annotated[
    str | None,
    typer.Option(
        metavar="URI", help="Microphone: number or part of its name; see edge devices.", show_default="default"
    ),
]
CameraOption = Annotated[
    str | None, typer.Option(metavar="URI", help="Camera: number, device, URL, picture, folder, film.")
]
ReplayOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A recording instead of microphone and camera.")
]
PaceOption = Annotated[str, typer.Option(metavar="live|max", help="Replay like life, or flat out.")]
RepeatOption = Annotated[int, typer.Option(metavar="N", min=1, help="Play the recording N times without a pause.")]
HudOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SINK",
        help="window, console, FILE.mp4, FILE.png or frames:FOLDER; repeatable.",
        show_default="window, else console",
    ),
]
EventsOption = Annotated[
    Path | None, typer.Option(metavar="FILE.jsonl", help="Write every event, one JSON object a line.")
]
SaveOption = Annotated[
    list[Path] | None, typer.Option(metavar="FILE.srt|.txt|.jsonl", help="Save the captions; the HUD shows REC.")
]
ShowOption = Annotated[
    str | None, typer.Option(metavar="both|translation|source", help="Lines of a caption.", show_default="both")
]
OverlayOption = Annotated[
    str | None,
    typer.Option(metavar="replace|below|off", help="Where the translation of a sign stands.", show_default="replace"),
]
SizeOption = Annotated[
    str | None, typer.Option(metavar="WxH", help="Size of the HUD in pixels.", show_default="960x540")
]
ModelOption = Annotated[str | None, typer.Option(metavar="ID", help="Speech model.")]
GlossaryOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Fixed terms: source, tab, target.")]
SecondsOption = Annotated[float | None, typer.Option(min=0.1, help="Stop after so many seconds.")]


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(run)


def run(
    source: SpokenOption,
    target: TargetOption,
    senses: SensesOption = SPEECH,
    mic: MicOption = None,
    camera: CameraOption = None,
    replay: ReplayOption = None,
    pace: PaceOption = "live",
    repeat: RepeatOption = 1,
    hud: HudOption = None,
    events: EventsOption = None,
    save: SaveOption = None,
    show: ShowOption = None,
    overlay: OverlayOption = None,
    size: SizeOption = None,
    model: ModelOption = None,
    glossary: GlossaryOption = None,
    seconds: SecondsOption = None,
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
        huds=tuple(hud or ()), events=events, save=tuple(save or ()), seconds=seconds, repeat=repeat,
        senses=tuple(dict.fromkeys(name.strip() for name in senses.split(",") if name.strip())),
    )  # fmt: skip
    status = run_session(options, load_settings(settings, overrides), lambda line: typer.echo(line, err=True))
    raise typer.Exit(status)


def _size(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise typer.BadParameter(f"{text!r} is no size; write for example 960x540", param_hint="--size")
    return int(width), int(height)
