"""What a pull would do: which models, how much to download, how much disk and memory they take."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from edge.errors import StoreError
from edge.hub.blobs import store_errors
from edge.hub.catalogue import Catalogue, Model, PackagedSource, UrlSource, WheelSource
from edge.hub.store import ModelState, ModelStore

_MB = 1_000_000


@dataclass(frozen=True)
class PlanItem:
    """One model: `download_bytes` has no wheel that an earlier item brings; `transit_bytes` is disk used on the way."""

    model: Model
    state: ModelState
    download_bytes: int
    transit_bytes: int

    @property
    def is_done(self) -> bool:
        """Installed with the right bytes: nothing to do."""
        return self.state.status == "installed"

    @property
    def disk_bytes(self) -> int:
        """Estimated size of the built model."""
        return round(self.model.disk_mb * _MB)


@dataclass(frozen=True)
class Plan:
    """Everything asked for, in order."""

    items: tuple[PlanItem, ...]

    @property
    def to_do(self) -> tuple[PlanItem, ...]:
        """The items that are not installed yet."""
        return tuple(item for item in self.items if not item.is_done)

    @property
    def download_bytes(self) -> int:
        """Bytes to fetch in all."""
        return sum(item.download_bytes for item in self.to_do)

    @property
    def disk_bytes(self) -> int:
        """Bytes that stay on disk afterwards, estimated."""
        return sum(item.disk_bytes for item in self.to_do)

    @property
    def peak_bytes(self) -> int:
        """Bytes of free disk needed on the way: downloads are dropped after each model."""
        return self.disk_bytes + max((item.transit_bytes for item in self.to_do), default=0)


def make_plan(store: ModelStore, catalogue: Catalogue, models: Iterable[Model]) -> Plan:
    """Look at the store (every installed file is hashed) and say what is to be done.

    Raises:
        StoreError: the store cannot be read.
    """
    wheels: set[str] = set()
    items = []
    for model in models:
        state = store.state(model.id)
        download = 0
        if state.status != "installed":
            download = _download_bytes(store, catalogue, model, wheels)
        items.append(PlanItem(model, state, download, _transit_bytes(catalogue, model)))
    return Plan(tuple(items))


def check_space(store: ModelStore, plan: Plan) -> None:
    """Refuse before the first byte what cannot fit.

    Raises:
        StoreError: says how much is needed and how much there is.
    """
    with store_errors(store.root):
        free = shutil.disk_usage(store.root).free
    if plan.peak_bytes > free:
        raise StoreError(
            f"not enough disk at {store.root}: {plan.peak_bytes // _MB + 1} MB needed, {free // _MB} MB free; "
            "free some space, pull fewer models or set EDGE_MODELS to another folder"
        )


def _transit_bytes(catalogue: Catalogue, model: Model) -> int:
    """Upstream files and twice the largest wheel, of the model or of its fallback: pip copies what it downloaded."""
    sources = [source for file in model.files for source in file.sources]
    carriers = {source.wheel for source in sources if isinstance(source, WheelSource)}
    own = sum(file.size for file in model.files) + 2 * max((catalogue.wheel(w).size for w in carriers), default=0)
    return max(own, _transit_bytes(catalogue, catalogue.get(model.fallback))) if model.fallback else own


def _download_bytes(store: ModelStore, catalogue: Catalogue, model: Model, wheels: set[str]) -> int:
    total = 0
    for file in model.files:
        if store.blobs.path(file.sha256).exists():
            continue
        source = file.sources[0] if file.sources else None
        if source is None:
            continue
        if isinstance(source, UrlSource):
            part = store.blobs.part(file.sha256)
            total += file.size - (min(part.stat().st_size, file.size) if part.exists() else 0)
        elif isinstance(source, PackagedSource):
            continue
        elif source.wheel not in wheels:
            wheels.add(source.wheel)
            total += catalogue.wheel(source.wheel).size
    return total
