"""`edge models`: see, fetch, add, check and remove models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.cli_options import JsonOption, print_json

if TYPE_CHECKING:
    from edge.hub.catalogue import Model
    from edge.hub.store import ModelState, ModelStore

app = typer.Typer(
    help="List, fetch, add, check and remove models.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_USES = {
    "translation": 'echo "..." | edge translate --from {source} --to {target} --model {id}',
    "speech-recognition": "edge transcribe --model {id} FILE",
    "image-recognition": "edge recognize --model {id} IMAGE",
    "dual-encoder": 'edge recognize --labels "mug, keys" --model {id} IMAGE',
    "object-detection": "edge detect --model {id} IMAGE",
}
"""Family, else task, to the command that runs a brought model."""

IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", show_default=False)]


@app.command("list")
def list_models(
    task: Annotated[str | None, typer.Option(metavar="TASK", help="Only these, e.g. translation.")] = None,
    installed: Annotated[bool, typer.Option("--installed", help="Only what is installed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List every model, and what is installed (without checking its bytes)."""
    store = _store()
    for model in store.catalogue.models:
        state = store.state(model.id, verify=False)
        if (task and model.task != task) or (installed and state.status not in ("installed", "fallback")):
            continue
        if as_json:
            print_json(_record(model, state))
        else:
            mark = {"installed": "installed", "fallback": f"-> {state.in_use}"}.get(state.status, "")
            is_made = model.hub is not None and model.hub.recipe is None
            mark = mark or ("default" if model.default else "to be made" if is_made else "")
            typer.echo(f"{model.id:<22} {model.task:<18} {mark:<18} {model.title}")


@app.command()
def info(model_id: Annotated[str, typer.Argument(metavar="ID")], as_json: JsonOption = False) -> None:
    """Show all that is known of a model, and which one is in use where it has a fallback."""
    store = _store()
    model = store.catalogue.get(model_id)
    record = {**_record(model, store.state(model_id)), **_details(model)}
    if as_json:
        print_json(record)
        return
    for key, value in record.items():
        if key == "files":
            typer.echo("files:")
            for file in value:
                typer.echo(f"  {file['name']}  {file['size']} bytes  sha256 {file['sha256']}")
        elif key == "quality":
            for score in value:
                typer.echo(f"quality: {score['metric']} {score['value']} on {score['data']} (by {score['by']})")
        elif value not in (None, "", []):
            typer.echo(f"{key}: {', '.join(value) if isinstance(value, list) else value}")


@app.command("pull")
def pull_models(
    ids: IdsArgument = None,
    side_folder: Annotated[
        Path | None, typer.Option("--from", metavar="FOLDER", help="Take files from here first, whatever their names.")
    ] = None,
    mirror: Annotated[list[str] | None, typer.Option(metavar="URL", help="Try this address first; repeatable.")] = None,
    keep_downloads: Annotated[
        bool, typer.Option("--keep-downloads", help="Keep upstream files after the build.")
    ] = False,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Also models whose licence does not allow every use.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what you should know.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch, build and install models; without an ID the default set. Interrupted? Run it again."""
    from edge.hub.console import ConsoleReport
    from edge.hub.pull import PullOptions, pull

    store = _store()
    options = PullOptions(
        side_folder=side_folder,
        mirrors=tuple(mirror or ()),
        keep_downloads=keep_downloads,
        accept_licences=accept_licence,
    )
    report = ConsoleReport(print_json if as_json else None, quiet=quiet)
    pull(store, store.catalogue, ids or (), options, report)


@app.command()
def add(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", show_default=False, help="What scripts/make made.")],
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Also if its licence does not allow every use.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Verify and install a model that was made on a computer (scripts/make) and copied here."""
    from edge.hub.add import add as add_model
    from edge.hub.memory import memory_line
    from edge.perception.descriptions import family_of

    def on_wait() -> None:
        typer.echo("another command changes the store; waiting for it to finish", err=True)

    store = _store()
    model = add_model(store, folder, accept_licence=accept_licence, on_wait=on_wait)
    if as_json:
        print_json({"id": model.id, "status": "installed", "folder": str(store.folder(model))})
        return
    typer.echo(f"{model.id} installed: {model.title}, {model.licence}, {model.disk_mb:g} MB")
    typer.echo(memory_line(model.ram_mb))
    use = _USES.get(family_of(store.folder(model)) or "", _USES.get(model.task, ""))
    if use:
        typer.echo(f"use it: {use.format(id=model.id, source=model.source, target=model.target)}")


@app.command()
def verify(
    ids: IdsArgument = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Make it again from its upstream files (downloads them) and compare the bytes."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the SHA-256 of every file of what is installed; exit 1 if one is corrupt, or not what upstream gives."""
    store = _store()
    chosen = ids or store.installed()
    if not chosen:
        typer.echo("nothing is installed; run: edge models pull", err=True)
    check = _verify_deep if deep else _verify
    results = [check(store, model_id, as_json) for model_id in chosen]
    if not all(results):
        raise typer.Exit(1)


def _verify(store: ModelStore, model_id: str, as_json: bool) -> bool:
    from edge.errors import ModelNotFoundError

    state = store.state(model_id)
    if state.in_use is None:
        raise ModelNotFoundError(state.id)
    is_corrupt = state.status == "corrupt"
    if as_json:
        print_json({"id": state.id, "ok": not is_corrupt, "in_use": state.in_use, "why": state.why})
    else:
        typer.echo(state.why if is_corrupt else f"{state.id} is intact")
    return not is_corrupt


def _verify_deep(store: ModelStore, model_id: str, as_json: bool) -> bool:
    from edge.errors import DownloadError, ModelCorruptError
    from edge.hub.console import ConsoleReport
    from edge.hub.deep_verify import Deep, deep_verify
    from edge.inference.sessions import SessionFactory
    from edge.perception.graph_contract import check_graphs

    sessions = SessionFactory()
    report = ConsoleReport(lambda _record: None, quiet=True)
    try:
        found = deep_verify(store, model_id, lambda folder, id_: check_graphs(folder, sessions, id_), report)
    except ModelCorruptError as error:
        found = Deep(model_id, "corrupt", (str(error),))
    except DownloadError as error:
        found = Deep(model_id, "unknown", (str(error),))
    ok = found.verdict in ("identical", "consistent")
    if as_json:
        print_json({"id": model_id, "ok": ok, "in_use": found.id, "verdict": found.verdict, "why": list(found.lines)})
    else:
        typer.echo("\n  ".join([f"{found.id}: {_DEEP[found.verdict]}", *found.lines]))
    return ok


_DEEP = {
    "identical": "made again from its upstream files, the same bytes",
    "different": "made again from its upstream files, and the bytes differ",
    "consistent": "intact; it cannot be made again here",
    "corrupt": "what is installed is not what was installed",
    "unknown": "intact, but its upstream files were not kept and cannot be had",
}


@app.command()
def remove(ids: Annotated[list[str], typer.Argument(metavar="ID...")], as_json: JsonOption = False) -> None:
    """Delete models from the store."""
    store = _store()
    for model_id in ids:
        was_there = store.remove(model_id)
        if as_json:
            print_json({"id": model_id, "removed": was_there})
        else:
            typer.echo(f"{model_id} {'removed' if was_there else 'was not installed'}")


@app.command()
def path(model_id: Annotated[str | None, typer.Argument(metavar="[ID]")] = None, as_json: JsonOption = False) -> None:
    """Print the folder of the store, or of an installed model after checking its files."""
    store = _store()
    folder = store.root if model_id is None else store.open(model_id)
    if as_json:
        print_json({"id": model_id, "folder": str(folder)})
    else:
        typer.echo(folder)


def _store() -> ModelStore:
    from edge.hub.store import ModelStore

    return ModelStore()


def _record(model: Model, state: ModelState) -> dict[str, Any]:
    return {
        "id": model.id,
        "task": model.task,
        "title": model.title,
        "languages": list(model.languages),
        "source": model.source,
        "target": model.target,
        "licence": model.licence,
        "default": model.default,
        "state": state.status,
        "in_use": state.in_use,
        "fallback": model.fallback,
        "why": state.why,
    }


def _details(model: Model) -> dict[str, Any]:
    return {
        "licence_url": model.licence_url,
        "repository": model.upstream.repository,
        "revision": model.upstream.revision,
        "recipe": model.recipe,
        "hub": model.hub.repository if model.hub else None,
        "parameters": model.parameters,
        "ram_mb": model.ram_mb,
        "disk_mb": model.disk_mb,
        "quality": [score.model_dump() for score in model.quality],
        "files": [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in model.files],
    }
