"""What must hold before anything is measured: the files are those of the description, proved, and may be used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from catalogue_entry import CARD_FILE, ENTRY_FILE
from provenance import PROVENANCE_FILE, Provenance

from edge.errors import EdgeError, ExportError
from edge.hub.catalogue import PERMISSIVE
from edge.inference.sessions import SessionFactory
from edge.perception.descriptions import DESCRIPTION_FILE
from edge.perception.graph_contract import check_graphs

_LARGEST = 2_000_000_000
_TEXTS = {"tokenizer.json", DESCRIPTION_FILE, PROVENANCE_FILE, ENTRY_FILE, CARD_FILE}


def problems(folder: Path, provenance: Provenance, reference: Path, *, accept_licence: bool) -> Iterator[str]:
    """Reasons to refuse the model in `folder` that need no measuring.

    Args:
        folder: the candidate.
        provenance: what it says of itself.
        reference: the float model, or an installed one.
        accept_licence: whether a licence that does not allow every use, or is unknown, was accepted.
    """
    yield from _files(folder)
    if not provenance.parity:
        yield "no parity with the torch model was measured; run scripts/export.py again"
    for row in provenance.parity:
        if not row.holds:
            far = f"{row.output} by {row.max_difference:.2g} (limit {row.tolerance:.2g})"
            yield f"{row.graph} differs from the torch model: {far}"
    if not (accept_licence or any(part in PERMISSIVE for part in provenance.licence.split(" OR "))):
        where = provenance.licence_url or provenance.repository
        yield (
            f"its licence {provenance.licence} is not known to allow every use; read {where} and run again with "
            "--accept-licence"
        )
    if precision(folder) != "fp32" and not provenance.quantization:
        yield f"it is {precision(folder)}, but nothing says how it was quantised; run scripts/quantize.py again"
    if (reference / PROVENANCE_FILE).is_file() and precision(reference) != "fp32":
        yield f"{reference.name} is {precision(reference)}; quality is judged against the float folder of export.py"
    yield from _origin(provenance, reference)
    try:
        check_graphs(folder, SessionFactory(), provenance.id)
    except EdgeError as error:
        yield str(error).partition("; run: ")[0]


def _files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        is_known = path.name in _TEXTS or path.suffix == ".onnx" or path.name.startswith("LICENSE")
        if not path.is_file() or path.is_symlink() or not is_known:
            yield f"{path.name} is no file of a made model; take it out"
        elif path.stat().st_size >= _LARGEST:
            yield f"{path.name} has {path.stat().st_size / 1e9:.1f} GB; a graph has at most 2 GB"


def _origin(provenance: Provenance, reference: Path) -> Iterator[str]:
    """A float model that came from other weights would make every comparison worthless."""
    if not (reference / PROVENANCE_FILE).is_file():
        return
    other = Provenance.read(reference)
    weights = [
        {name: file.sha256 for name, file in one.upstream.items() if name.endswith(".safetensors")}
        for one in (provenance, other)
    ]
    if weights[0] != weights[1]:
        yield f"it was made from other weights than {other.id} in {reference.name}"


def graph_bytes(folder: Path) -> int:
    """Size of the graphs in a folder.

    Raises:
        ExportError: it has none.
    """
    size = sum(path.stat().st_size for path in folder.glob("*.onnx"))
    if not size:
        raise ExportError(f"{folder} has no ONNX graph; make it with: scripts/export.py")
    return size


def precision(folder: Path) -> str:
    """The precision that `model.json` states.

    Raises:
        ExportError: there is no such file, or it is damaged.
    """
    try:
        described: Any = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        return str(described.get("precision", "fp32"))
    except OSError as error:
        raise ExportError(f"{folder} has no {DESCRIPTION_FILE}; make it with: scripts/export.py") from error
    except (ValueError, AttributeError) as error:
        raise ExportError(f"{folder / DESCRIPTION_FILE} is damaged; run scripts/export.py again") from error
