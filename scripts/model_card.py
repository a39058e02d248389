"""Cards of models: what it is, where it came from, how it was made, and what was measured; no number is typed by hand.

The card of a made model is written by scripts/gate.py when it passes, those of the default models by
scripts/default_cards.py, the recogniser's by scripts/train_recognizer.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from provenance import Provenance

from edge.hub.catalogue import Model

_USE = {
    "translation": 'edge translate --model {id} --from {source} --to {target} "..."',
    "speech-recognition": "edge transcribe recording.wav --model {id}",
    "image-recognition": "edge recognize photo.jpg --model {id}",
    "object-detection": "edge detect photo.jpg --model {id}",
}
_OPEN = ("clip", "siglip")
"""Architectures that are told the words to look for."""
_COLUMNS = {
    "precision": "precision",
    "size_mb": "MB",
    "time_ratio": "time to float",
    "time_spread": "quartiles",
    "sqnr_db": "dB",
    "agreement": "agreement",
    "excluded": "groups left float",
    "scores": "quality",
    "note": "note",
}
"""Key of a candidate of quantize.py to the heading of its column."""
_WORST = 6
_NOTE = "Written by `scripts/gate.py`; do not edit."


def made_card(model: Model, provenance: Provenance, entry: str) -> str:
    """The card of a model that passed the gate.

    Args:
        model: its catalogue entry.
        provenance: with quantization and verdict.
        entry: the text of entry.toml, whose hash stands in the card.
    """
    verdict = provenance.verdict or {}
    parts = [
        f"# {model.id}\n\n{model.title}. {model.disk_mb:g} MB on disk, about {model.ram_mb} MB of memory. {_NOTE}",
        _origin(provenance),
        _export(provenance),
        _quantization(provenance.quantization),
        quality_section(verdict),
        speed_section(verdict),
        files_table(model),
        f"SHA-256 of entry.toml: `{hashlib.sha256(entry.encode()).hexdigest()}`",
        f"## How to use it\n\n```sh\n{_add(model)}\n{_made_use(model, provenance)}\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def use(model: Model) -> str:
    """The command that runs a model of this task."""
    return _USE[model.task].format(id=model.id, source=model.source, target=model.target)


def _add(model: Model) -> str:
    return f"edge models add FOLDER{'' if model.is_commercial else ' --accept-licence'}"


def _made_use(model: Model, provenance: Provenance) -> str:
    labels = ' --labels "mug, keys, door"' if provenance.architecture in _OPEN else ""
    return f"{use(model)}{labels}"


def _origin(provenance: Provenance) -> str:
    rows = [[f"`{name}`", file.size, f"`{file.sha256}`"] for name, file in sorted(provenance.upstream.items())]
    revision = f"revision {provenance.revision}" if provenance.revision else "a local folder, without a revision"
    licence = f"{provenance.licence} {provenance.licence_url}".strip()
    about = (
        f"- {provenance.repository}, {revision}\n- Architecture {provenance.architecture}, "
        f"{provenance.parameters:,} parameters\n- Licence: {licence}"
    )
    return f"## Origin\n\n{about}\n\n{table(['upstream file', 'bytes', 'SHA-256'], rows)}"


def _export(provenance: Provenance) -> str:
    made_with = ", ".join(f"{name} {version}" for name, version in provenance.versions.items())
    rows = [
        [row.graph, row.output, f"{row.max_difference:.2g}", f"{row.largest:.3g}", f"{row.tolerance:.2g}"]
        for row in provenance.parity
    ]
    head = ["graph", "output", "largest difference", "largest value", "limit"]
    spent = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in provenance.seconds.items())
    return (
        f"## Export\n\nWith {made_with}. Time: {spent or 'not recorded'}.\n\n"
        f"Difference from the torch model on fixed inputs:\n\n{table(head, rows)}"
    )


def _quantization(found: Mapping[str, Any] | None) -> str:
    if not found:
        return "## Quantisation\n\nNone: the graphs are float."
    about = [f"{name.replace('_', ' ')}: {_text(value)}" for name, value in found.items() if name != "graphs"]
    lines = ["## Quantisation\n", *([f"{'; '.join(about)}."] if about else [])]
    for role, graph in found.get("graphs", {}).items():
        lines += [f"\n### {role}\n", *_graph(graph)]
    return "\n".join(lines)


def _graph(graph: Mapping[str, Any]) -> list[str]:
    """What was tried with a graph: candidates, and what suffers most from each method."""
    front, chosen = graph.get("front", ()), graph.get("chosen")
    lines = [f"`{graph.get('file')}` is `{chosen}` of these, judged on {_text(graph.get('data'))}:\n"]
    rows = []
    for row in graph.get("candidates", ()):
        name = row.get("name")
        mark = "taken" if name == chosen else "front" if name in front else ""
        rows.append([name, *(_text(row.get(key)) for key in _COLUMNS), mark])
    lines.append(table(["candidate", *(title for title in _COLUMNS.values()), ""], rows))
    if graph.get("excluded"):
        lines.append(f"\nNodes that stay float: {len(graph['excluded'])}.")
    for method, groups in graph.get("sensitivity", {}).items():
        worst = [[_text(value) for value in row.values()] for row in groups[:_WORST]]
        if worst:
            lines += [f"\nWhat suffers most from `{method}`, of {len(groups)} groups:\n"]
            lines += [table([key.replace("_", " ") for key in groups[0]], worst)]
    return lines


def _text(value: Any) -> str:
    """A value of a table in words."""
    if isinstance(value, bool) or value is None:
        return "yes" if value else ""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return " to ".join(map(_text, value)) if value and isinstance(value[0], float) else ", ".join(map(_text, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def quality_section(verdict: Mapping[str, Any]) -> str:
    """Scores beside the float model's, and how often both answer the same."""
    scores = [
        [
            row["metric"],
            f"{row['candidate']:.2f}",
            f"{row['reference']:.2f}",
            _text(row["limit"]),
            row["data"],
            row["items"],
        ]
        for row in verdict.get("quality", ())
    ]
    lines = [f"## Quality against {verdict.get('against', 'float')}\n"]
    if scores:
        lines.append(table(["metric", "this model", "float", "may lose", "data", "items"], scores))
    else:
        lines.append("Nothing with known answers was given to the gate: its quality is not measured, only the")
        lines.append("agreement with the float model.")
    same = [[row["data"], row["items"], f"{row['share']:.3f}"] for row in verdict.get("agreement", ())]
    if same:
        lines += ["\nSame answers as the float model (words, best names, boxes); this is not quality:\n"]
        lines += [table(["data", "items", "share"], same)]
    return "\n".join(lines)


def speed_section(verdict: Mapping[str, Any]) -> str:
    """Time by turns and size, with the machine."""
    on, size, speed = verdict.get("machine", {}), verdict.get("size"), verdict.get("speed")
    lines = ["## Speed and size\n", f"On {verdict.get('date', '')}: {machine_line(on)}."]
    if speed:
        how = f"by turns, {speed['rounds']} rounds of {speed['items']} items of {speed['data']}"
        lines += [
            f"Against {verdict['replaces']}, {how}, {speed['threads']} threads:\n",
            table(
                ["ms an item", "ms of the other", "ratio", "first quartile", "third quartile"],
                [[f"{speed[key]:.2f}" for key in ("candidate_ms", "replaced_ms", "ratio", "low", "high")]],
            ),
            "",
        ]
    if size:
        lines.append(f"Graphs: {size['candidate'] / 1e6:.2f} MB, {size['ratio']:.2f} of the other's.")
    return "\n".join(lines)


def machine_line(on: Mapping[str, Any]) -> str:
    """A machine in words."""
    return f"{on.get('cpu')}, class {on.get('class')}, {on.get('cores')} cores, {on.get('system')}"


def files_table(model: Model) -> str:
    """Files of an entry with their hashes."""
    rows = [[f"`{file.name}`", file.size, f"`{file.sha256}`"] for file in model.files]
    return f"## Files\n\n{table(['file', 'bytes', 'SHA-256'], rows)}"


def table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in (head, *rows)]
    lines.insert(1, ["---"] * len(head))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
