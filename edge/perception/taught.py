"""Things that the wearer has taught: kept as embeddings on this device, told from others by `prototypes`.

One file, `taught.json`, readable by its owner only, without pictures:

    {"format": 1, "things": [{"name": ..., "model": ..., "views": [...]}, ...]}

`model` is the fingerprint of the recogniser that made the views; embeddings of different models cannot be compared.
A view is base64 of little-endian float32 [d], length 1. The file is replaced whole or not at all.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import os
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import StoreError, TeachError
from edge.perception.prototypes import direction

FILE = "taught.json"
LONGEST_NAME = 40
"""Characters."""
FEWEST_VIEWS = 3
"""Different pictures without which a thing is not recognised from another side."""
MOST_VIEWS = 64
"""Of one thing; the oldest are forgotten."""

Floats = npt.NDArray[np.float32]

_FORMAT = 1
_SAME_VIEW = 0.999  # cosine: the same picture again tells nothing new
_FULL = (errno.ENOSPC, errno.EDQUOT)
_SCORE_WIDTH = 0.1  # of similarity above the threshold at which a score is 1 / (1 + 1 / e)
_LENGTH_TOLERANCE = 1e-2


@dataclass(frozen=True)
class Thing:
    """One taught thing.

    Attributes:
        name: as the wearer wrote it.
        model: fingerprint of the recogniser that made the views.
        views: float32 [n, d], rows of length 1.
    """

    name: str
    model: str
    views: Floats = field(repr=False)


@dataclass(frozen=True)
class Match:
    """A taught thing that was seen again. `score`: 0.5 at the threshold of `similarity`, towards 1 above."""

    name: str
    score: float
    similarity: float


class TaughtThings:
    """All taught things of one folder, as the recogniser `model` sees them.

    Args:
        folder: where `taught.json` is or will be.
        model: fingerprint of the recogniser.
        cohort: float32 [m, d], its embeddings of other pictures.
        threshold: similarity (`prototypes.direction`) from which a view is the thing.

    Raises:
        StoreError: the file cannot be read; one that is damaged is put aside first.
    """

    def __init__(self, folder: Path, model: str, cohort: Floats, threshold: float) -> None:
        self._file = folder / FILE
        self._model = model
        self._cohort = cohort
        self._directions: dict[str, Floats] = {}
        self._threshold = threshold
        self._stamp: tuple[int, int] | None = None
        self._things: dict[str, Thing] = {}
        self.refresh()

    def refresh(self) -> bool:
        """Read the file again if it is another than before; whether it was.

        Raises:
            StoreError: it cannot be read.
        """
        stamp = self._look_at_file()
        if stamp == self._stamp:
            return False
        self._things = {_key(thing.name): thing for thing in (_read(self._file) if stamp else ())}
        self._directions = {}
        self._stamp = stamp
        return True

    @property
    def things(self) -> tuple[Thing, ...]:
        """In the order in which they were taught."""
        return tuple(self._things.values())

    @property
    def outdated(self) -> tuple[str, ...]:
        """Names of the things that another recogniser was taught: this one does not know them."""
        return tuple(thing.name for thing in self.things if thing.model != self._model)

    def teach(self, name: str, embeddings: Sequence[Floats]) -> Thing:
        """Add views of a thing, and save; views that are there already are not added again.

        A thing that another recogniser was taught begins anew.

        Args:
            name: what to call it; the spelling of the first time stays.
            embeddings: float32 [d], length 1, each of another picture.

        Returns:
            The thing with all its views.

        Raises:
            TeachError: the name cannot be used, or there would be too few views.
            StoreError: it cannot be saved; what was taught before is still there.
        """
        self.refresh()
        clean = checked_name(name)
        before = self._things.get(_key(clean))
        if before is None or before.model != self._model:
            before = Thing(clean, self._model, np.zeros((0, 0), np.float32))
        views = _merged(before.views, embeddings)
        if len(views) < FEWEST_VIEWS:
            raise TeachError(
                f"{clean!r} needs at least {FEWEST_VIEWS} different pictures to be recognised again, five are better, "
                f"and has {len(views)}; nothing was changed"
            )
        taught = replace(before, views=views[-MOST_VIEWS:])
        self._save({**self._things, _key(clean): taught})
        return taught

    def forget(self, name: str) -> Thing:
        """Delete a thing, and save.

        Returns:
            What it was.

        Raises:
            TeachError: nothing of that name was taught; lists what was.
            StoreError: the deletion cannot be saved.
        """
        self.refresh()
        gone = self._things.get(_key(name))
        if gone is None:
            known = ", ".join(thing.name for thing in self.things)
            raise TeachError(f"nothing named {name!r} was taught; there is {known or 'nothing yet'}")
        self._save({key: thing for key, thing in self._things.items() if key != _key(name)})
        return gone

    def views(self, name: str) -> int:
        """How many views this recogniser has of a thing; 0 for what was not taught."""
        thing = self._things.get(_key(name))
        return len(thing.views) if thing is not None and thing.model == self._model else 0

    def match(self, embedding: Floats) -> Match | None:
        """The taught thing that is seen, if one is.

        Args:
            embedding: float32 [d], length 1.
        """
        directions = self._usable_directions()
        if not directions:
            return None
        similarity, name = max((float(way @ embedding), name) for name, way in directions.items())
        if similarity < self._threshold:
            return None
        score = 1 / (1 + float(np.exp((self._threshold - similarity) / _SCORE_WIDTH)))
        return Match(name, score, similarity)

    def _usable_directions(self) -> dict[str, Floats]:
        if not self._directions:
            usable = (thing for thing in self.things if thing.model == self._model)
            self._directions = {thing.name: direction(thing.views, self._cohort) for thing in usable}
        return self._directions

    def _look_at_file(self) -> tuple[int, int] | None:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _refused(self._file, error) from error
        return found.st_mtime_ns, found.st_ino

    def _save(self, things: dict[str, Thing]) -> None:
        records = [
            {"name": thing.name, "model": thing.model, "views": [_encoded(view) for view in thing.views]}
            for thing in things.values()
        ]
        text = json.dumps({"format": _FORMAT, "things": records}, ensure_ascii=False, indent=1)
        try:
            _replace(self._file, (text + "\n").encode())
        except OSError as error:
            raise _refused(self._file, error) from error
        self._things = things
        self._directions = {}
        self._stamp = self._look_at_file()


def checked_name(name: str) -> str:
    """The name as it will be kept: composed characters, single spaces.

    Raises:
        TeachError: empty, too long, or with characters that cannot be shown.
    """
    clean = " ".join(unicodedata.normalize("NFC", name).split())
    if not clean:
        raise TeachError("a thing needs a name; write for example: edge teach 'my mug' --images mug*.jpg")
    if len(clean) > LONGEST_NAME:
        raise TeachError(f"the name {clean[:20]!r}... has {len(clean)} characters; use at most {LONGEST_NAME}")
    if not clean.isprintable():
        raise TeachError(f"the name {clean!r} has characters that cannot be shown; use letters, digits and spaces")
    return clean


def _key(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


def _merged(views: Floats, embeddings: Sequence[Floats]) -> Floats:
    kept = list(views)
    for embedding in embeddings:
        if not kept or float(np.max(np.stack(kept) @ embedding)) < _SAME_VIEW:
            kept.append(np.asarray(embedding, np.float32))
    return np.stack(kept) if kept else views


def _encoded(view: Floats) -> str:
    return base64.b64encode(view.astype("<f4").tobytes()).decode("ascii")


def _read(file: Path) -> list[Thing]:
    try:
        found = json.loads(file.read_bytes())
        if found["format"] != _FORMAT:
            raise StoreError(
                f"{file} was written by another version of edge (format {found['format']}); update edge-glasses, "
                "or move the file away and teach again"
            )
        return [_thing(record) for record in found["things"]]
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise _refused(file, error) from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(_put_aside(file)) from error


def _thing(record: dict[str, Any]) -> Thing:
    views = np.stack([np.frombuffer(base64.b64decode(text, validate=True), "<f4") for text in record["views"]])
    if not np.allclose(np.linalg.norm(views, axis=1), 1, atol=_LENGTH_TOLERANCE):
        raise ValueError("an embedding has not length 1")
    return Thing(checked_name(record["name"]), str(record["model"]), views.astype(np.float32))


def _put_aside(file: Path) -> str:
    """Rename a damaged file, so that the next start works and nothing is lost; returns what to tell."""
    aside = file.with_suffix(".damaged")
    count = 1
    while aside.exists():
        count += 1
        aside = file.with_suffix(f".damaged{count}")
    try:
        file.rename(aside)
    except OSError:
        return f"taught things in {file} are damaged; move the file away and teach them again"
    return f"taught things in {file} were damaged; the file is now {aside.name}; run again, and teach them again"


def _replace(file: Path, data: bytes) -> None:
    """Put a file in place whole: written beside it, on the disk, then renamed. Raises OSError, changing nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, written = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        Path(written).replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(written).unlink()
        raise
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    """Let the renaming survive a power cut where the system can do that; it has happened in any case."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refused(file: Path, error: OSError) -> StoreError:
    if error.errno in _FULL:
        return StoreError(
            f"the disk of {file.parent} is full; free some space and run the same command again (what was taught "
            "before is still there)"
        )
    return StoreError(
        f"taught things in {file.parent} cannot be read or written ({error.strerror or error}); change the "
        "permissions, or set scene.taught to another folder"
    )
