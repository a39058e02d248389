"""Models that this machine has beyond the shipped catalogue: `<store>/catalog.d/<id>.toml`, one entry each.

Written by `edge models add` (recipe `made`), and by `edge models pull` for what the device builds from a repository of
the hub (see `edge.hub.pin`). An entry may have a new id, or that of a shipped entry with recipe `export`, which it
replaces.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from pydantic import ValidationError

from edge.errors import StoreError
from edge.hub.blobs import store_errors
from edge.hub.catalogue import Catalogue, Model

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = "catalog.d"
log = logging.getLogger(__name__)


def entry_path(root: Path, model_id: str) -> Path:
    """Where the store under `root` keeps the entry of a brought model."""
    return root / FOLDER / f"{model_id}.toml"


def read_entry(path: Path) -> Model:
    """The one entry of a TOML file.

    Raises:
        StoreError: not readable, not one entry, or one that may not be here; the message begins with the path.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        models = Catalogue.model_validate(tree).models
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is not valid TOML ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoreError(f"{path} is not a catalogue entry ({where}: {first['msg']})") from error
    if len(models) != 1 or models[0].recipe == "export" or models[0].default or models[0].fallback:
        raise StoreError(f"{path} is not one entry of a model that is made, neither a default nor with a fallback")
    return models[0]


def may_replace(model: Model, shipped: Catalogue) -> bool:
    """Whether the id of `model` is free, or that of a shipped model that has to be exported."""
    return all(other.recipe == "export" for other in shipped.models if other.id == model.id)


def merged(shipped: Catalogue, root: Path) -> Catalogue:
    """`shipped` with the entries of the store under `root`; one that is damaged is logged and left out.

    Raises:
        StoreError: the store may not be looked into.
    """
    brought: dict[str, Model] = {}
    with store_errors(root):
        paths = sorted((root / FOLDER).glob("*.toml"))
    for path in paths:
        try:
            model = read_entry(path)
        except StoreError as error:
            log.warning("%s; ignored: add the model again, or delete that file", error)
            continue
        if model.id != path.stem or not may_replace(model, shipped):
            log.warning("%s is not for %s; ignored: delete that file", path, model.id)
            continue
        brought[model.id] = model
    if not brought:
        return shipped
    known = {model.id for model in shipped.models}
    replaced = (brought.get(model.id, model) for model in shipped.models)
    added = (model for model in brought.values() if model.id not in known)
    return shipped.model_copy(update={"models": (*replaced, *added)})
