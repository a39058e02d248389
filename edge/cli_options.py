"""What the commands share: options of one meaning, and how results and errors are printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

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
