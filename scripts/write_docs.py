"""Write the generated parts of the documentation, or check that they are current.

    scripts/write_docs.py           rewrite docs/cli.md, docs/settings.md, docs/models.md and the README's tables
    scripts/write_docs.py --check   exit 1, naming the files, if any of them would change

Generated text stands between `<!-- generated: NAME -->` and `<!-- end -->`. The sources are the command line
itself, the settings classes, `models/catalog.toml` and the result files in `benchmarks/results`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from claims import results_table
from whisper_docs import ADR, context_table, precision_table

from edge.cli import app
from edge.hub.catalogue import load_catalogue
from edge.settings import Settings

ROOT = Path(__file__).resolve().parent.parent


def command_help() -> str:
    """The help text of every command, as the user sees it at 100 columns."""
    blocks = []
    for path, command in _commands(typer.main.get_command(app), ["edge"]):
        context = command.context_class(command, info_name=" ".join(path), terminal_width=100, max_content_width=100)
        blocks.append(f"## {' '.join(path)}\n\n```text\n{command.get_help(context).rstrip()}\n```\n")
    return "\n".join(blocks)


def _commands(command: Any, path: list[str]) -> Iterator[tuple[list[str], Any]]:
    yield path, command
    for name, child in sorted(getattr(command, "commands", {}).items()):
        yield from _commands(child, [*path, name])


def settings_table() -> str:
    """One table per component: key, default, meaning."""
    blocks = []
    for component, field in Settings.model_fields.items():
        rows = [f"## [{component}]", "", str(type(field.default).__doc__), ""]
        rows += ["| key | default | meaning |", "|---|---|---|"]
        for key, leaf in type(field.default).model_fields.items():
            default = json.dumps(leaf.default, default=list) if leaf.default is not None else "none"
            rows.append(f"| `{key}` | `{default}` | {leaf.description} |")
        blocks.append("\n".join(rows) + "\n")
    return "\n".join(blocks)


def models_table() -> str:
    """Every model of the catalogue; the default set first."""
    rows = ["| id | task | languages | licence | download MB | default |", "|---|---|---|---|---:|---|"]
    models = sorted(load_catalogue().models, key=lambda m: (not m.default, m.task, m.id))
    for model in models:
        megabytes = f"{sum(file.size for file in model.files) / 1e6:.1f}" if model.files else "to be made"
        default = "yes" if model.default else ""
        languages = f"{model.source} to {model.target}" if model.source else ", ".join(model.languages)
        rows.append(f"| `{model.id}` | {model.task} | {languages} | {model.licence} | {megabytes} | {default} |")
    return "\n".join(rows) + "\n"


def headline_table() -> str:
    """The results that the README has."""
    return results_table(headlines=True)


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "cli": ("docs/cli.md", command_help),
    "settings": ("docs/settings.md", settings_table),
    "models": ("docs/models.md", models_table),
    "results": ("docs/benchmarks.md", results_table),
    "headlines": ("README.md", headline_table),
    "whisper-context": (ADR, context_table),
    "whisper-precision": (ADR, precision_table),
}


def with_part(text: str, name: str, content: str) -> str:
    """`text` with the generated part `name` replaced by `content`."""
    pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"write_docs: no place for the part {name!r}; add <!-- generated: {name} --> and <!-- end -->")
    return pattern.sub(lambda match: f"{match[1]}\n{content}\n{match[2]}", text)


def main() -> int:
    """Write or check; the exit status tells."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    for name, (file, make) in PARTS.items():
        path = ROOT / file
        old = path.read_text(encoding="utf-8")
        new = with_part(old, name, make())
        if new != old:
            stale.append(file)
            if not check:
                path.write_text(new, encoding="utf-8")
    if stale and check:
        print(f"write_docs: out of date: {', '.join(stale)}; run scripts/write_docs.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
