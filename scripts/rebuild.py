"""Makes models from their upstream files again and says whether the bytes are those that are installed and recorded.

    python scripts/rebuild.py [ID...]             default models, or these
    python scripts/rebuild.py ID --record         write the hashes of the built files into models/catalog.toml

Upstream files are downloaded, unless the store kept them; nothing installed is changed. A difference is explained: the
files, and in graphs the nodes and tensors with their distance. Exit status 1 when there is one, 2 when a model could
not be made.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from provenance import hash_file, versions

from edge.errors import EdgeError, ExportError
from edge.hub.catalogue import Model, catalogue_path, load_catalogue
from edge.hub.deep_verify import is_trained, rederive, trained_note
from edge.hub.entry_text import render
from edge.hub.graph_difference import folder_differences
from edge.hub.store import MANIFEST, ModelStore

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_MAKERS = ("onnx", "numpy")


def main(arguments: Sequence[str] | None = None) -> int:
    """Rebuild what the command line names."""
    options = _parser().parse_args(arguments)
    store, catalogue = ModelStore(), load_catalogue()
    found = versions()
    print("made with " + ", ".join(f"{name} {found[name]}" for name in ("python", *_MAKERS)))
    worst = 0
    try:
        models = [catalogue.get(id_) for id_ in options.ids] or list(catalogue.defaults())
    except EdgeError as error:
        print(f"rebuild: {error}", file=sys.stderr)
        return 2
    for model in models:
        try:
            worst = max(worst, _one(store, model, options))
        except (EdgeError, OSError) as error:  # noqa: PERF203 - the others are made all the same
            print(f"rebuild: {error}", file=sys.stderr)
            worst = 2
    return worst


def _one(store: ModelStore, model: Model, options: argparse.Namespace) -> int:
    lines, hashes = rebuild(store, model, options.keep)
    print(f"{model.id}: {lines[0]}", *(f"  {line}" for line in lines[1:]), sep="\n")
    if options.record and hashes and hashes != model.built:
        record(catalogue_path(), model, hashes)
        print(f"  the hashes of what was built are now in {catalogue_path().name}")
        return 0
    return int(any(_is_difference(line) for line in lines))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("ids", nargs="*", metavar="ID", help="of the catalogue; none: the default models")
    parser.add_argument("--record", action="store_true", help="write the hashes into models/catalog.toml")
    parser.add_argument("--keep", type=Path, help="copy what was built into this folder, by id")
    return parser


_DIFFERENT = "DIFFERENT: "


def _is_difference(line: str) -> bool:
    return line.startswith(_DIFFERENT)


def rebuild(store: ModelStore, model: Model, keep: Path | None = None) -> tuple[list[str], dict[str, str]]:
    """Make one model again.

    Args:
        store: where it may be installed, and where upstream files may be kept.
        model: what to make.
        keep: folder that gets a copy of what was built.

    Returns:
        What to say, and the SHA-256 of every built file (none for a trained model).

    Raises:
        ExportError: it is not made by a recipe.
        DownloadError, RecipeError, StoreError: as `edge models pull`.
    """
    if is_trained(model):
        return [trained_note(model), "the packaged files are checked against the catalogue by every pull"], {}
    if not model.files or model.recipe == "made":
        raise ExportError(f"{model.id} is made by the export chain; run: scripts/make {model.id}")
    with tempfile.TemporaryDirectory(prefix="edge-rebuild-") as scratch:
        built = rederive(store, model, Path(scratch))
        files = sorted(path for path in built.rglob("*") if path.is_file() and path.name != MANIFEST)
        hashes = {path.relative_to(built).as_posix(): hash_file(path).sha256 for path in files}
        lines = _against_installed(store, model, built) + _against_catalogue(model, hashes)
        if keep is not None:
            shutil.copytree(built, keep / model.id, dirs_exist_ok=True)
    return [f"{len(hashes)} files made from {len(model.files)} upstream files by recipe {model.recipe}", *lines], hashes


def _against_installed(store: ModelStore, model: Model, built: Path) -> list[str]:
    folder = store.folder(model)
    if not (folder / MANIFEST).is_file():
        return ["it is not installed: nothing to compare with there"]
    lines = folder_differences(folder, built)
    return [f"{_DIFFERENT}{line}" for line in lines] or ["the same bytes as installed"]


def _against_catalogue(model: Model, hashes: Mapping[str, str]) -> list[str]:
    if not model.built:
        return ["the catalogue has no hashes of what was built (--record writes them)"]
    names = sorted(model.built.keys() | hashes.keys())
    other = [name for name in names if model.built.get(name) != hashes.get(name)]
    if not other:
        return ["the same bytes as the catalogue recorded"]
    return [f"{_DIFFERENT}{', '.join(other)}: other bytes than the catalogue recorded"]


def record(path: Path, model: Model, hashes: Mapping[str, str]) -> None:
    """Write the hashes of the built files into the entry of a model, and leave everything else as it is.

    Raises:
        ExportError: the entry in the file is not as `render` writes it.
    """
    text = path.read_text(encoding="utf-8")
    mirrors: Any = tomllib.loads(text).get("mirrors", {})
    old = render(model, mirrors)
    if text.count(old) != 1:
        raise ExportError(f"{path.name}: the entry of {model.id} is not as edge/hub/entry_text.py writes it")
    new = render(model.model_copy(update={"built": dict(hashes)}), mirrors)
    path.write_text(text.replace(old, new), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
