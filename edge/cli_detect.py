"""The command `edge detect`: things in pictures and where they are, as lines or drawn in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edge.cli_options import JsonOption, SettingsOption, ThreadsOption, answer_each


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(detect)


def detect(
    files: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Picture files.")],
    language: Annotated[str, typer.Option("--lang", metavar="CODE", help="Language of the names.")] = "en",
    model: Annotated[
        str | None, typer.Option(metavar="ID", help="Object detection model; none is installed by default.")
    ] = None,
    min_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="Leave out things of which the model is less sure.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write each picture with its boxes drawn in.")
    ] = None,
    threads: ThreadsOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find things in pictures: name, score, and box in pixels (left, top, right, bottom)."""
    from edge.interface import object_detector
    from edge.settings import load_settings

    overrides: dict[str, dict[str, Any]] = {
        "objects": {"model": model, "min_score": min_score},
        "inference": {"threads": threads},
    }
    detect_file = object_detector(language, load_settings(settings, overrides), out)
    answer_each(files, detect_file, _print_plain, as_json=as_json)


def _print_plain(record: dict[str, Any]) -> None:
    typer.echo(f"{record['file']}:" if record["objects"] else f"{record['file']}: nothing found")
    for one in record["objects"]:
        box = ", ".join(f"{side:.0f}" for side in one["box"])
        typer.echo(f"  {one['name']} ({one['score']:.0%}) at {box}")
