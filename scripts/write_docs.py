"""Write the generated parts of the documentation and the plots, or check that they are current.

    scripts/write_docs.py           rewrite the tables of docs/, those of the README, and docs/plots
    scripts/write_docs.py --check   exit 1, naming the files, if any of them would change; needs no matplotlib

Generated text stands between `<!-- generated: NAME -->` and `<!-- end -->`. The sources are the command line
itself, the settings classes, `models/catalog.toml`, the result files in `benchmarks/results` and the reports in
`benchmarks/boards`. One that may not be published stops everything: exit 2 and one line.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import typer
from board_docs import boards_part, machines_part
from board_files import read_boards
from board_tables import headlines, table
from claims import CHANGES, CHANGES_HEAD, HEAD, changes_rows, results_rows
from estimate_docs import estimates_part
from peers_docs import PLOT, peers, peers_figure, peers_headlines, peers_part
from plot_data import Figure, digest, drawn_digest, figures
from whisper_docs import ADR, context_table, precision_table

from edge.cli import app
from edge.errors import EdgeError
from edge.hub.catalogue import load_catalogue
from edge.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PLOTS = ROOT / "docs" / "plots"
README_MACHINES = 4
"""The README has at most 100 lines; docs/benchmarks.md has all machines."""

README_LINES = 16
"""Of both tables in the README, heads included; what does not fit stands in docs/benchmarks.md."""


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


def headline_tables() -> str:
    """The README's: a row for each of a few machines, one for each task against peers, and what neither tells."""
    boards, report = read_boards(), peers()
    rows = [*(peers_headlines(report) if report else []), *results_rows(headlines=True)]
    few = dict(islice(boards.items(), README_MACHINES))
    machines = [headlines(few)] if few else []
    left = README_LINES - sum(len(block.splitlines()) + 1 for block in machines) - 2
    return "\n\n".join([*machines, table(HEAD, rows[:left])]) + "\n"


def all_results() -> str:
    """What the scripts of benchmarks/ found beside the peers."""
    return table(HEAD, results_rows(without=(CHANGES,))) + "\n"


def changes() -> str:
    """What was made cheaper, before and after."""
    return table(CHANGES_HEAD, changes_rows()) + "\n"


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "cli": ("docs/cli.md", command_help),
    "settings": ("docs/settings.md", settings_table),
    "models": ("docs/models.md", models_table),
    "boards": ("docs/benchmarks.md", lambda: boards_part(read_boards())),
    "machines": ("docs/boards.md", lambda: machines_part(read_boards())),
    "peers": ("docs/benchmarks.md", lambda: peers_part(peers())),
    "changes": ("docs/benchmarks.md", changes),
    "results": ("docs/benchmarks.md", all_results),
    "estimates": ("docs/estimating.md", lambda: estimates_part(read_boards())),
    "headlines": ("README.md", headline_tables),
    "whisper-context": (ADR, context_table),
    "whisper-precision": (ADR, precision_table),
}


def with_part(text: str, name: str, content: str) -> str:
    """`text` with the generated part `name` replaced by `content`."""
    pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"write_docs: no place for the part {name!r}; add <!-- generated: {name} --> and <!-- end -->")
    return pattern.sub(lambda match: f"{match[1]}\n{content}\n{match[2]}", text)


def write_texts(*, check: bool) -> list[str]:
    """Files whose generated parts were not current; written unless `check`."""
    stale = []
    for name, (file, make) in PARTS.items():
        path = ROOT / file
        old = path.read_text(encoding="utf-8")
        new = with_part(old, name, make())
        if new != old:
            stale.append(file)
            if not check:
                path.write_text(new, encoding="utf-8")
    return stale


def write_plots(folder: Path, *, check: bool) -> list[str]:
    """Plots that do not show what the reports say, or that no report asks for; drawn or removed unless `check`."""
    compared = peers_figure(peers())
    wanted = {**figures(read_boards()), **({PLOT: compared} if compared else {})}
    stale = [name for name, figure in wanted.items() if drawn_digest(folder / name) != digest(figure)]
    orphans = [path.name for path in sorted(folder.glob("*.png")) if path.name not in wanted]
    if not check:
        for name in stale:
            _drawing()(wanted[name], folder / name)
        for name in orphans:
            (folder / name).unlink()
    return [f"docs/plots/{name}" for name in (*stale, *orphans)]


def _drawing() -> Callable[[Figure, Path], None]:
    try:
        from plots import draw
    except ImportError as error:
        raise SystemExit(f"write_docs: plots cannot be drawn ({error}); run: scripts/setup test") from error
    return draw


def main() -> int:
    """Write or check; the exit status tells."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    try:
        stale = [*write_texts(check=check), *write_plots(PLOTS, check=check)]
    except EdgeError as error:
        print(f"write_docs: {error}", file=sys.stderr)
        return 2
    if stale and check:
        print(f"write_docs: out of date: {', '.join(dict.fromkeys(stale))}; run scripts/write_docs.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
