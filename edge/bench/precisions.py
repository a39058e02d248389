"""The builds of one model at another precision, for measuring: beside the store, never used by the program.

They are made by the model's own recipe from the very files that the installed build was made from, so that speed and
quality of two precisions are those of the same weights. Which precisions the default models have as they come:

    whisper-base        int8 weights (our recipe); the same weights as fp32 can be made
    mt-en-pt, mt-pt-en  int8 weights (upstream's, as trained); fp32 = the same int8 values written as float
    ppocr-det, -rec     fp32, as upstream has them
    silero-vad          fp32, as upstream has it
    recognizer-vit-s14  int8 (trained here); its float graph is not published, so there is only int8
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from edge.bench.stage import Bench
from edge.errors import BenchmarkError, ModelCorruptError, ModelNotFoundError
from edge.hub.blobs import store_errors
from edge.hub.catalogue import Model
from edge.hub.store import ModelStore, verify_folder

INSTALLED = "int8"
FLOAT = "fp32"
FLOAT_MODELS = ("whisper-base", "mt-en-pt", "mt-pt-en")
"""Default models whose recipe also writes float graphs."""
SAMPLE_MODELS = ("demo-speech", "demo-photo", "demo-things")
"""What the stages measure with; not among the default models."""

_MANIFEST = "manifest.json"


def model_folder(bench: Bench, model_id: str) -> Path:
    """The folder of a model at the precision of the variant.

    Raises:
        ModelNotFoundError, ModelCorruptError: it is not installed; says what to pull.
        BenchmarkError: this precision has not been made yet, or the installed build has another one.
    """
    if bench.variant.precision == FLOAT:
        return precision_folder(bench.store, model_id, FLOAT)
    folder = bench.store.open(model_id)
    declared = _declared(folder)
    if declared not in {None, bench.variant.precision}:
        raise BenchmarkError(
            f"{model_id} is {declared}, not {bench.variant.precision}; run: edge bench --precisions {declared}"
        )
    return folder


def precision_folder(store: ModelStore, model_id: str, precision: str) -> Path:
    """Where the build of a model at another precision is, every file checked.

    Raises:
        ModelNotFoundError: the model itself is not installed.
        BenchmarkError: it has not been made from the installed version of the model, or a file there does not have
            its bytes; says what to run.
    """
    model = _installed(store, model_id)
    folder = _place(store, model, precision)
    if not _is_current(folder, _variant(model, precision)):
        raise BenchmarkError(f"{model.id} as {precision} has not been made yet; run: edge bench --pull")
    if not _is_whole(store, model, folder):
        raise BenchmarkError(f"{model.id} as {precision} is corrupt; run: edge bench --pull")
    return folder


def make_precision(store: ModelStore, model_id: str, precision: str, tell: Callable[[str], None]) -> Path:
    """Make the build of an installed model at another precision, unless it is there; gives its folder.

    Needs the model's upstream files, from the store or from the network. Files that were fetched before it failed are
    kept for the next try.

    Raises:
        ModelNotFoundError: the model itself is not installed.
        DownloadError: no source gave a file.
        RecipeError: its recipe does not know this precision.
        StoreError: no room, or no permission.
    """
    from edge.hub.deep_verify import rederive

    model = _installed(store, model_id)
    folder = _place(store, model, precision)
    variant = _variant(model, precision)
    if _is_current(folder, variant) and _is_whole(store, model, folder):
        return folder
    tell(f"{model.id} as {precision}: making it")
    work = folder.with_name(f".{folder.name}.part")
    with store_errors(store.root):
        work.mkdir(parents=True, exist_ok=True)
    made = rederive(store, variant, work)
    with store_errors(store.root):
        shutil.rmtree(folder, ignore_errors=True)
        made.replace(folder)
        shutil.rmtree(work, ignore_errors=True)
    return folder


def pull_for_bench(store: ModelStore, tell: Callable[[str], None]) -> None:
    """Pull the samples that are missing, and make the float builds of the default models that are installed.

    Raises:
        DownloadError, StoreError, RecipeError: as `make_precision`.
    """
    from edge.hub.pull import pull

    missing = tuple(id_ for id_ in SAMPLE_MODELS if store.resolve(id_) is None)
    if missing:
        tell(f"pulling {', '.join(missing)}")
        pull(store, store.catalogue, missing)
    for id_ in FLOAT_MODELS:
        if store.resolve(id_) is None:
            tell(f"{id_} is not installed: no float build of it (edge models pull {id_})")
        else:
            make_precision(store, id_, FLOAT, tell)


def _installed(store: ModelStore, model_id: str) -> Model:
    model = store.resolve(model_id)
    if model is None:
        raise ModelNotFoundError(model_id)
    return model


def _variant(model: Model, precision: str) -> Model:
    """The entry of the catalogue from which the build is made. It has other bytes than the catalogue promises."""
    return model.model_copy(update={"options": {**model.options, "precision": precision}, "fallback": None})


def _place(store: ModelStore, model: Model, precision: str) -> Path:
    return store.root / "bench" / f"{model.id}-{precision}"


def _is_current(folder: Path, variant: Model) -> bool:
    try:
        return bool(json.loads((folder / _MANIFEST).read_bytes())["fingerprint"] == variant.fingerprint)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _is_whole(store: ModelStore, model: Model, folder: Path) -> bool:
    try:
        with store_errors(store.root):
            verify_folder(model.id, folder)
    except ModelCorruptError:
        return False
    return True


def _declared(folder: Path) -> str | None:
    """The precision that the model's own description states; None where it states none."""
    try:
        found = json.loads((folder / "model.json").read_bytes()).get("precision")
    except (OSError, ValueError, AttributeError):
        return None
    return str(found) if found is not None else None
