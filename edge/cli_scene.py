"""`edge recognize`, `teach`, `forget`, `taught`: names of things in pictures, and the wearer's own things."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.cli_options import JsonOption, SettingsOption, ThreadsOption, answer_each, print_error, print_json
from edge.errors import EdgeError, SettingsError, TeachError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.media import Image
    from edge.settings import Settings

ModelOption = Annotated[str | None, typer.Option(metavar="ID", help="Recognition model; see edge models list.")]

LabelsOption = Annotated[
    str | None,
    typer.Option(
        metavar="LIST|@FILE",
        help='English names of what to look for: "mug, keys, door", or @FILE with one a line; needs --model with an '
        "open vocabulary.",
    ),
]

_CAMERA = "0"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    for command in (recognize, teach, forget, taught):
        app.command()(command)


def recognize(
    files: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Picture files.")],
    language: Annotated[str, typer.Option("--lang", metavar="CODE", help="Language of the names.")] = "en",
    top: Annotated[int, typer.Option(min=1, metavar="K", help="How many names for each picture.")] = 1,
    model: ModelOption = None,
    labels: LabelsOption = None,
    threads: ThreadsOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name what pictures show, taught things included; `unknown` where it is nothing known."""
    from edge.interface import image_recognizer

    recognize_file = image_recognizer(language, _load(settings, model, threads, _labels(labels)), top)
    answer_each(files, recognize_file, _print_names, as_json=as_json)


def _print_names(record: dict[str, Any]) -> None:
    named = ", ".join(f"{one['name']} ({one['score']:.0%})" for one in record["categories"])
    typer.echo(f"{record['file']}: {named}")


def teach(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call the thing.")],
    more: Annotated[list[Path] | None, typer.Argument(metavar="FILE", show_default=False)] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE...", help="Pictures of the thing from several sides, five or more."),
    ] = None,
    camera: Annotated[
        str | None, typer.Option(metavar="URI", help="Take views from this camera.", show_default=_CAMERA)
    ] = None,
    model: ModelOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Teach a thing of yours from pictures or from the camera. Teaching again adds views. No picture is kept."""
    from edge.hub.store import ModelStore
    from edge.teaching import Teacher, camera_views, check_view

    files = [*(images or ()), *(more or ())]
    if files and camera is not None:
        raise SettingsError("pictures and --camera exclude each other; leave one out")
    if Path(name).is_file():
        raise TeachError(f"{name} is a file; write the name first: edge teach 'my mug' --images {name} ...")
    teacher = Teacher(ModelStore(), _load(settings, model, None))
    teacher.check(name)
    views = _read(files) if files else camera_views(camera or _CAMERA, lambda line: typer.echo(line, err=True))
    usable: list[Image] = []
    failed = False
    for number, view in enumerate(views, 1):
        try:
            if isinstance(view, EdgeError):
                raise view
            check_view(view, str(files[number - 1]) if files else f"view {number}")
        except EdgeError as error:
            print_error(error)
            failed = True
            continue
        usable.append(view)
    lesson = teacher.teach(name, usable)
    if as_json:
        print_json({"name": lesson.name, "views": lesson.views, "added": lesson.added})
    else:
        typer.echo(f"{lesson.name}: {lesson.added} views added, {lesson.views} in all")
    if failed:
        raise typer.Exit(2)


def forget(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A taught thing; see edge taught.")],
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget a taught thing for good."""
    from edge.hub.store import ModelStore
    from edge.teaching import changing, taught_things

    chosen = _load(settings, None, None)
    with changing(chosen):
        gone = taught_things(ModelStore(), chosen).forget(name)
    if as_json:
        print_json({"name": gone.name, "views": len(gone.views)})
    else:
        typer.echo(f"{gone.name} is forgotten ({len(gone.views)} views)")


def taught(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """List the taught things. One that another recogniser was taught is not recognised: teach it again."""
    from edge.hub.store import ModelStore
    from edge.teaching import taught_things

    known = taught_things(ModelStore(), _load(settings, None, None))
    for thing in known.things:
        is_usable = thing.name not in known.outdated
        if as_json:
            print_json({"name": thing.name, "views": len(thing.views), "usable": is_usable})
        else:
            note = "" if is_usable else "  (teach again: another recogniser was taught this)"
            typer.echo(f"{thing.name}: {len(thing.views)} views{note}")


def _load(
    settings: Path | None, model: str | None, threads: int | None, labels: tuple[str, ...] | None = None
) -> Settings:
    from edge.settings import load_settings

    scene = {"model": model, "labels": labels}
    overrides: dict[str, dict[str, Any]] = {"scene": scene, "inference": {"threads": threads}}
    return load_settings(settings, overrides)


def _labels(option: str | None) -> tuple[str, ...] | None:
    """What --labels says; None without it."""
    if option is None:
        return None
    from edge.perception.open_vocabulary import checked_labels, split_labels

    if not option.startswith("@"):
        return checked_labels(split_labels(option))
    file = Path(option[1:])
    try:
        return checked_labels(split_labels(file.read_text(encoding="utf-8-sig")))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"file of labels {file} cannot be read ({why}); write one label a line") from error


def _read(files: list[Path]) -> Iterator[Image | EdgeError]:
    """Every picture, or what is wrong with it."""
    from edge.sources.picture import read_picture

    for file in files:
        try:
            yield read_picture(file)
        except EdgeError as error:  # noqa: PERF203 - the other pictures must still be read
            yield error
