"""A folder of quantised graphs: names, `model.json`, and what is copied as it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provenance import PROVENANCE_FILE
from quantize_trial import Trial

from edge.perception.descriptions import DESCRIPTION_FILE

_ORDER = ("int8", "q4", "q8", "fp32")


def assemble(source: Path, made: Path, trials: Mapping[str, Trial]) -> dict[str, str]:
    """Put the chosen graphs, and all else that belongs to the model, into the existing folder `made`.

    Returns:
        Role to name of the graph's file.
    """
    names = write_graphs(trials, made, same_name=_is_whisper(source))
    copy_rest(source, made)
    describe(source, made, names, precision_of(trials))
    return names


def write_graphs(trials: Mapping[str, Trial], made: Path, *, same_name: bool = False) -> dict[str, str]:
    """Put the chosen graphs into `made`; role to file name. `same_name`: all carry the precision of the folder."""
    names = {}
    whole = precision_of(trials)
    for role, trial in trials.items():
        stem = trial.inputs.file.stem.removesuffix("_fp32")
        suffix = whole if same_name else trial.winner.precision
        names[role] = f"{stem}_{suffix}.onnx" if suffix != "fp32" else trial.inputs.file.name
        shutil.copyfile(trial.files[trial.chosen], made / names[role])
    return names


def precision_of(trials: Mapping[str, Trial]) -> str:
    """One word for a folder of several graphs: what the furthest from float among them is."""
    return min((trial.winner.precision for trial in trials.values()), key=_ORDER.index)


def copy_rest(source: Path, made: Path) -> None:
    """Tokenizer and licence, as they are."""
    for file in source.iterdir():
        if file.is_file() and file.suffix != ".onnx" and file.name not in {DESCRIPTION_FILE, PROVENANCE_FILE}:
            shutil.copyfile(file, made / file.name)


def describe(source: Path, made: Path, names: Mapping[str, str], precision: str) -> None:
    """`model.json` with the new names of the graphs."""
    content: dict[str, Any] = json.loads((source / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    content["precision"] = precision
    if "graphs" in content:
        content["graphs"] = {**content["graphs"], **names}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (made / DESCRIPTION_FILE).write_text(text + "\n", encoding="utf-8")


def _is_whisper(source: Path) -> bool:
    """Whether the names of the graphs follow from the precision."""
    file = source / DESCRIPTION_FILE
    return file.is_file() and "graphs" not in json.loads(file.read_text(encoding="utf-8"))
