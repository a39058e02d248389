"""The command `edge read`: text in pictures, translated, as lines or drawn where it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from edge.errors import EdgeError


def read(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures: JPEG, PNG, WebP ...")],
    target: Annotated[str, typer.Option("--to", metavar="CODE", help="The wearer's language.")],
    source: Annotated[
        str, typer.Option("--from", metavar="auto|CODES", help="Languages on the signs, e.g. en or en,pt.")
    ] = "auto",
    draw: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write each picture with its translations drawn in.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Most threads any one model may use.", show_default="2")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", metavar="FILE", help="Settings file (TOML); see docs/settings.md.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Read the text in pictures and translate it; each picture is answered as soon as it is done."""
    from edge.interface import picture_reader
    from edge.settings import load_settings

    overrides: dict[str, dict[str, Any]] = {"inference": {"threads": threads}}
    read_file = picture_reader(source, target, load_settings(settings, overrides), draw, _complain)
    failed = False
    for image in images:
        try:
            record = read_file(image)
        except EdgeError as error:
            _complain(str(error))
            failed = True
            continue
        if as_json:
            typer.echo(json.dumps(record, ensure_ascii=False))
        else:
            _print_plain(record)
    if failed:
        raise typer.Exit(2)


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


def _complain(message: str) -> None:
    typer.echo(f"edge: {' '.join(message.split())}", err=True)
