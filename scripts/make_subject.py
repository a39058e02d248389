"""What `scripts/make.py` is asked to make: an entry of the catalogue, a repository of the hub, or a folder."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ExportError, StoreError
from edge.hub.catalogue import PERMISSIVE, Catalogue, Model
from edge.hub.memory import available_mb, memory_line

_MB = 1_000_000
_COPIES = 4
"""Weights on disk while a model is made: the float export, a temporary copy of it, the candidates of quantising."""
_FRAMEWORKS_MB = 1000
"""Memory of torch, transformers and ONNX Runtime without any weights."""


@dataclass(frozen=True)
class Subject:
    """What is to be made, before anything is downloaded.

    Attributes:
        id: of the made model.
        source: what export.py is given: a folder, or `owner/name`.
        revision: what was asked for; None for a folder.
        entry: of the catalogue, if it lists this model.
        languages: those that a translation model reads and writes.
    """

    id: str
    source: str
    revision: str | None
    entry: Model | None = None
    languages: tuple[str, str] | None = None

    @property
    def folder(self) -> Path | None:
        """The folder, where it is one."""
        return Path(self.source) if self.revision is None else None


def find_subject(name: str, catalogue: Catalogue, model_id: str | None, revision: str | None) -> Subject:
    """Understand what the command line names.

    Raises:
        ExportError: a revision of a folder, an id that cannot be one, a model that is pulled and not made.
        UnknownModelError: neither a folder, nor `owner/name`, nor listed.
    """
    if model_id and not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", model_id):
        raise ExportError(f"{model_id!r} is no id: small letters, digits, dots and dashes")
    if Path(name).is_dir():
        if revision:
            raise ExportError("--revision belongs to a repository of the hub, and a folder is what it is")
        return Subject(model_id or _id_from(Path(name).resolve().name), str(Path(name).resolve()), None)
    if "/" in name:
        repository, _, at = name.partition("@")
        listed = [model for model in catalogue.models if model.hub and model.hub.repository == repository]
        if not listed:
            return Subject(model_id or _id_from(repository.rpartition("/")[2]), repository, revision or at or "main")
        return _from_entry(listed[0], model_id, revision or at)
    return _from_entry(catalogue.get(name), model_id, revision)


def _from_entry(entry: Model, model_id: str | None, revision: str | None) -> Subject:
    if entry.hub is None:
        raise ExportError(
            f"{entry.id} needs no torch: edge models pull {entry.id} installs it, scripts/rebuild {entry.id} checks it"
        )
    languages = (entry.source, entry.target) if entry.source and entry.target else None
    return Subject(model_id or entry.id, entry.hub.repository, revision or entry.hub.revision, entry, languages)


def _id_from(name: str) -> str:
    made = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip(".-")
    if not made:
        raise ExportError(f"no id can be made from {name!r}; give one with --id")
    return made


def check_licence(licence: str, where: str, *, accepted: bool) -> None:
    """Refuse before anything is downloaded what could not be added afterwards.

    Raises:
        ExportError: the licence is unknown, or does not allow every use, and was not accepted.
    """
    if accepted or any(part in PERMISSIVE for part in licence.split(" OR ")):
        return
    raise ExportError(
        f"{where} is under {licence}, which does not allow every use or does not say; if you may use it, run again "
        "with --accept-licence (a folder: or name what it is under, --licence MIT)"
    )


def preview(subject: Subject, out: Path, licence: str, weights: int, download: int) -> list[str]:
    """What making it will take, line by line.

    Args:
        subject: what is made.
        out: where.
        licence: SPDX id.
        weights: bytes of the weights upstream.
        download: bytes that are still to be fetched.

    Raises:
        StoreError: the disk has not that much.
    """
    disk = download + _COPIES * weights
    free = shutil.disk_usage(next(path for path in (out, *out.absolute().parents) if path.exists())).free
    if disk > free:
        raise StoreError(f"not enough disk at {out}: {disk // _MB + 1} MB needed, {free // _MB} MB free")
    memory, spare = _FRAMEWORKS_MB + 3 * weights // _MB, available_mb()
    lines = [
        f"{subject.id}: from {subject.source}" + (f" at {subject.revision}" if subject.revision else ""),
        f"licence {licence}; download {download / _MB:.0f} MB; disk about {disk / _MB:.0f} MB in {out}",
        f"memory while making: about {memory} MB" + (f" of {spare} MB free" if spare else ""),
    ]
    if spare and memory > spare:
        lines.append("that is more than is free: close other programs first, or expect it to be stopped by the system")
    if subject.entry:
        lines.append(memory_line(subject.entry.ram_mb))
    return lines
