"""What differs between two folders of built models, and inside their ONNX graphs, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edge.hub.blobs import sha256_of

_NAMED = 3
_MANIFEST = "manifest.json"


def folder_differences(wanted: Path, found: Path) -> list[str]:
    """One line for every file that `found` has otherwise than `wanted`; none when all bytes are the same.

    Args:
        wanted: the installed model.
        found: the one that was made again.

    Raises:
        OSError: a file cannot be read.
    """
    names, others = (_names(folder) for folder in (wanted, found))
    lines = [f"{name} was not made again" for name in sorted(names - others)]
    lines += [f"{name} was made, but is not installed" for name in sorted(others - names)]
    for name in sorted(names & others):
        if sha256_of(wanted / name) != sha256_of(found / name):
            lines.append(f"{name}: {file_difference(wanted / name, found / name)}")
    return lines


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {_MANIFEST}


def file_difference(wanted: Path, found: Path) -> str:
    """How two files differ: nodes and tensors of graphs, the first byte of others. Raises OSError."""
    if wanted.suffix == ".onnx":
        return _graph_difference(wanted, found)
    one, other = wanted.read_bytes(), found.read_bytes()
    place = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"{len(one)} bytes installed, {len(other)} made again; they differ from byte {place} on"


def _graph_difference(wanted: Path, found: Path) -> str:
    import onnx

    try:
        models = [onnx.load(str(path), load_external_data=False) for path in (wanted, found)]
    except Exception:  # noqa: BLE001 - protobuf's own error; reading worked a moment ago for the hash
        return "one of them is no ONNX graph"
    parts = [part for compare in (_frames, _nodes, _tensors) for part in compare(*models)]
    return "; ".join(parts) or "same nodes and tensors; only names or notes of the file differ"


def _frames(one: Any, other: Any) -> Iterator[str]:
    for what in ("ir_version", "producer_version"):
        if getattr(one, what) != getattr(other, what):
            yield f"{what} {getattr(one, what)} became {getattr(other, what)}"
    opsets = [sorted((entry.domain, entry.version) for entry in model.opset_import) for model in (one, other)]
    if opsets[0] != opsets[1]:
        yield f"operator sets {opsets[0]} became {opsets[1]}"


def _nodes(one: Any, other: Any) -> Iterator[str]:
    lists = [list(_walk_nodes(model.graph)) for model in (one, other)]
    if len(lists[0]) != len(lists[1]):
        yield f"{len(lists[0])} nodes became {len(lists[1])}"
        return
    changed = [a.split("\n")[0] for a, b in zip(*lists, strict=True) if a != b]
    if changed:
        yield f"{len(changed)} of {len(lists[0])} nodes differ: {_some(changed)}"


def _walk_nodes(graph: Any) -> Iterator[str]:
    """Every node as text, subgraphs inside it, without the tensors."""
    for node in graph.node:
        plain = [str(item) for item in node.attribute if not (item.HasField("g") or item.HasField("t"))]
        yield "\n".join([f"{node.op_type} {node.name}", *node.input, "->", *node.output, *plain])
        for item in node.attribute:
            if item.HasField("g"):
                yield from _walk_nodes(item.g)


def _tensors(one: Any, other: Any) -> Iterator[str]:
    maps = [dict(_walk_tensors(model.graph)) for model in (one, other)]
    for words, a, b in (("lost", maps[0], maps[1]), ("new", maps[1], maps[0])):
        names = sorted(a.keys() - b.keys())
        if names:
            yield f"{len(names)} tensors {words}: {_some(names)}"
    far = _distances(*maps)
    if far:
        worst = sorted(far, key=lambda name: -far[name])
        named = [f"{name} by {far[name]:.3g}" for name in worst]
        yield f"{len(far)} of {len(maps[0])} tensors differ: {_some(named)}"


def _distances(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, float]:
    """Largest absolute difference of tensors that differ; infinite where shape or type does."""
    import numpy as np
    from onnx import numpy_helper

    far = {}
    for name in sorted(one.keys() & other.keys()):
        a, b = (numpy_helper.to_array(tensor) for tensor in (one[name], other[name]))
        if a.shape != b.shape or a.dtype != b.dtype:
            far[name] = float("inf")
        elif a.tobytes() != b.tobytes():
            distance = np.abs(a.astype(np.float64) - b.astype(np.float64))
            far[name] = float(np.nan_to_num(distance, nan=np.inf).max())
    return far


def _walk_tensors(graph: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Name to tensor: initialisers and constants, subgraphs too."""
    for tensor in graph.initializer:
        yield path + tensor.name, tensor
    for node in graph.node:
        for item in node.attribute:
            if item.HasField("t"):
                yield f"{path}{node.output[0]}", item.t
            if item.HasField("g"):
                yield from _walk_tensors(item.g, f"{path}{node.name or node.op_type}/{item.name}/")


def _some(names: list[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
