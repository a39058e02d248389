"""The command `edge read`: text in pictures, translated, as lines or drawn where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edge.cli_options import JsonOption, SettingsOption, ThreadsOption, answer_each, print_error


def read(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures: JPEG, PNG, WebP ...")],
    target: Annotated[str, typer.Option("--to", metavar="CODE", help="The wearer's language.")],
    source: Annotated[
        str, typer.Option("--from", metavar="auto|CODES", help="Languages on the signs, e.g. en or en,pt.")
    ] = "auto",
    draw: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write each picture with its translations drawn in.")
    ] = None,
    threads: ThreadsOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read the text in pictures and translate it; each picture is answered as soon as it is done."""
    from edge.interface import picture_reader
    from edge.settings import load_settings

    overrides: dict[str, dict[str, Any]] = {"inference": {"threads": threads}}
    read_file = picture_reader(source, target, load_settings(settings, overrides), draw, print_error)
    answer_each(images, read_file, _print_plain, as_json=as_json)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(read)


def _print_plain(record: dict[str, Any]) -> None:
    """The file, then every region: what is written, and below it the translation where there is another."""
    typer.echo(f"{record['file']}:" if record["regions"] else f"{record['file']}: no text found")
    for region in record["regions"]:
        typer.echo(f"  {region['text']}")
        if region["translation"] is None:
            typer.echo("    (not translated)")
        elif region["translation"] != region["text"]:
            typer.echo(f"    {region['translation']}")
