"""What the commands share: options of one meaning, and how results and errors are printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from edge.errors import EdgeError

SettingsOption = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE", help="Settings file (TOML); see docs/settings.md.")
]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="Most threads any one model may use.", show_default="2")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def print_error(error: Exception | str) -> None:
    """Tell the user on stderr, on one line."""
    print(f"edge: {' '.join(str(error).split())}", file=sys.stderr, flush=True)


def print_json(record: dict[str, Any]) -> None:
    """One JSON object on one line of stdout, flushed."""
    print(json.dumps(record, ensure_ascii=False), flush=True)


def answer_each(
    files: Iterable[Path],
    answer: Callable[[Path], dict[str, Any]],
    show: Callable[[dict[str, Any]], None],
    *,
    as_json: bool,
) -> None:
    """Print the answer for every file as soon as it is there; one that fails is told on stderr, the others go on.

    Args:
        files: what to answer.
        answer: a file to its record; raises EdgeError.
        show: prints a record for people.
        as_json: print records as JSON instead.

    Raises:
        typer.Exit: code 2 at the end, when a file failed.
    """
    failed = False
    for file in files:
        try:
            record = answer(file)
        except EdgeError as error:
            print_error(error)
            failed = True
            continue
        (print_json if as_json else show)(record)
    if failed:
        raise typer.Exit(2)
