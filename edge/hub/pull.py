"""`pull`: fetch what is missing, build it, put it in place. Safe to interrupt and to run twice at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import DownloadError, EdgeError, LicenceError, RecipeError
from edge.hub.blobs import store_errors
from edge.hub.catalogue import Catalogue, Model, ModelFile
from edge.hub.fetch import Fetcher
from edge.hub.plan import Plan, check_space, make_plan
from edge.hub.recipes import load_recipe
from edge.hub.report import Pulled, Report, Silent
from edge.hub.side_load import side_load
from edge.hub.store import ModelStore

_LICENCE = "LICENSE"
"""A file of this name stays with the model, whatever the recipe does."""


@dataclass(frozen=True)
class PullOptions:
    """How to pull."""

    side_folder: Path | None = None
    """Take files from here first."""
    mirrors: Sequence[str] = ()
    """Addresses to try before the catalogue's."""
    keep_downloads: bool = False
    """Keep upstream files after the build."""
    accept_licences: bool = False
    """Also pull models that must not be used commercially."""


def pull(
    store: ModelStore,
    catalogue: Catalogue,
    ids: Sequence[str] = (),
    options: PullOptions = PullOptions(),
    report: Report | None = None,
) -> tuple[Pulled, ...]:
    """Install models (none named: the default set). What is installed with the right bytes is left alone.

    A model whose sources cannot be had is replaced by its fallback, if it has one. All models are tried before the
    first failure is raised.

    Raises:
        UnknownModelError: an id that the catalogue does not list.
        LicenceError: a non-commercial licence that was not accepted.
        DownloadError: no source gave a file; whatever arrived is kept for the next try.
        StoreError: the disk is full or cannot be written; what was installed stays.
        RecipeError: an upstream file is not understood, or a model cannot be made on the device.
    """
    models = tuple(catalogue.get(id_) for id_ in dict.fromkeys(ids)) or catalogue.defaults()
    if not options.accept_licences:
        _check_licences(models)
    report = report or Silent()
    if any(model.recipe == "export" for model in models):
        _pin(store, models, options, report)
        catalogue = store.catalogue
        models = tuple(catalogue.get(model.id) for model in models)
    plan = make_plan(store, catalogue, models)
    report.preview(plan)
    if plan.to_do:
        waited: list[bool] = []

        def on_wait() -> None:
            waited.append(True)
            report.note("another pull is running; waiting for it to finish")

        with store.changing(on_wait):
            if waited:
                plan = make_plan(store, catalogue, models)
            return _Puller(store, catalogue, options, report).run(plan)
    results = tuple(_already(store, model) for model in models)
    for result in results:
        report.done(result)
    return results


def _pin(store: ModelStore, models: Sequence[Model], options: PullOptions, report: Report) -> None:
    """Of models that are published for PyTorch, those that the device can build become entries of this store."""
    exported = [model for model in models if model.recipe == "export"]
    for model in exported:
        if model.hub is None or model.hub.recipe is None:
            raise RecipeError(
                f"model {model.id} is published for PyTorch and made on a computer: run scripts/make {model.id} there, "
                f"copy out/made/{model.id}/quantised over, then run here: edge models add quantised"
            )
    from edge.hub.pin import pin  # only then, because it brings network code

    for model in exported:
        pin(store, model, accept_licence=options.accept_licences, note=report.note)


def _check_licences(models: Iterable[Model]) -> None:
    for model in models:
        if not model.is_commercial:
            raise LicenceError(
                f"model {model.id} is under {model.licence}, which does not allow every use; read {model.licence_url} "
                "and run again with --accept-licence"
            )


def _already(store: ModelStore, model: Model) -> Pulled:
    return Pulled(model.id, "already", model.id, store.folder(model))


class _Puller:
    def __init__(self, store: ModelStore, catalogue: Catalogue, options: PullOptions, report: Report) -> None:
        self._store = store
        self._catalogue = catalogue
        self._options = options
        self._report = report

    def run(self, plan: Plan) -> tuple[Pulled, ...]:
        wanted = {f.sha256: f for item in plan.to_do for f in self._chain_files(item.model)}
        check_space(self._store, plan)
        if self._options.side_folder is not None:
            with store_errors(self._store.root):
                found = side_load(self._options.side_folder, wanted.values(), self._store.blobs)
            self._report.note(f"{found} of {len(wanted)} files found in {self._options.side_folder}")
        fetcher = Fetcher(self._store, self._catalogue, tuple(wanted.values()), self._options.mirrors, self._report)
        results: list[Pulled] = []
        failures: dict[str, EdgeError] = {}
        for index, item in enumerate(plan.items):
            try:
                result = _already(self._store, item.model) if item.is_done else self._pull(item.model, fetcher)
            except (DownloadError, RecipeError) as error:
                failures[item.model.id] = error
                self._report.failed(item.model.id, str(error))
                continue
            results.append(result)
            self._report.done(result)
            self._drop(item.model, [later.model for later in plan.items[index + 1 :] if not later.is_done])
        if failures:
            raise _summary(failures, len(plan.items))
        return tuple(results)

    def _drop(self, model: Model, later: Iterable[Model]) -> None:
        """Forget the downloads of a finished model that no later one needs."""
        if self._options.keep_downloads:
            return
        needed = {file.sha256 for other in later for file in self._chain_files(other)}
        with store_errors(self._store.root):
            for file in self._chain_files(model):
                if file.sha256 not in needed:
                    self._store.blobs.remove(file.sha256)

    def _chain_files(self, model: Model) -> list[ModelFile]:
        return [file for one in self._chain(model) for file in one.files]

    def _chain(self, model: Model) -> list[Model]:
        """The model and its fallback, if it has one."""
        return [model, self._catalogue.get(model.fallback)] if model.fallback else [model]

    def _pull(self, model: Model, fetcher: Fetcher) -> Pulled:
        try:
            self._install(model, fetcher)
        except (DownloadError, RecipeError) as error:
            if not model.fallback:
                raise
            fallback = self._catalogue.get(model.fallback)
            if self._store.state(fallback.id).status != "installed":
                self._install(fallback, fetcher)
            with store_errors(self._store.root):
                self._store.discard_build(model)  # a corrupt one would hide the fallback
            self._report.note(f"{model.id}: using {fallback.id} instead ({error})")
            return Pulled(model.id, "fallback", fallback.id, self._store.folder(fallback))
        return Pulled(model.id, "installed", model.id, self._store.folder(model))

    def _install(self, model: Model, fetcher: Fetcher) -> None:
        files = {file.name: fetcher.fetch(file) for file in model.files}
        recipe = load_recipe(model.recipe)

        def build(out: Path) -> None:
            recipe(files, out, model.options)
            if _LICENCE in files and not (out / _LICENCE).exists():
                shutil.copyfile(files[_LICENCE], out / _LICENCE)

        self._report.building(model.id)
        with store_errors(self._store.root):
            self._store.install(model, build)


def _summary(failures: dict[str, EdgeError], asked: int) -> EdgeError:
    if len(failures) == 1:
        ((model_id, error),) = failures.items()
        return type(error)(
            f"model {model_id} was not installed: {error}; to try again, run: edge models pull {model_id}"
        )
    return DownloadError(
        f"{len(failures)} of {asked} models were not installed ({', '.join(failures)}); "
        "the reasons are above; to try again, run the same command"
    )
