"""Pictures with known names to look at: things drawn before a wall, and labelled photos of evaluation data.

The photos are split by SHA-256 of a key, so that it depends on nothing but the file's name; the recogniser was trained
on one part and is judged on another. Pictures of the groceries are consecutive shots of one shelf: five neighbouring
numbers share a key. Those whose name begins with `val_` were taken in another shop than the rest
(https://github.com/marcusklasson/GroceryStoreDataset): they are never trained on, half of them are for choosing and
half for the test.
"""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from edge.bench.film_places import CUP, EMBLEM, STOP, build, crop
from edge.bench.inputs_signs import FONTS, font_file
from edge.hub.store import ModelStore
from edge.media import Image

MODELS = (FONTS[0], "demo-things")
"""What the drawn ones are made of."""
STRANGERS = "_background"
"""Label of pictures of nothing that the recogniser knows."""

_LOOKS = (
    (STOP, "stop_sign", (0.5, 0.6)),
    (EMBLEM, "yin_yang", (0.5, 0.6)),
    (CUP, "cup", (0.5, 0.6)),
    (STOP, "stop_sign", (0.25, 0.4)),
    (EMBLEM, "yin_yang", (0.75, 0.5)),
)
_NEIGHBOURS = 5
_TRAIN = 0.72
_VALIDATION = 0.80
_STRANGERS_TRAIN = 0.4
_STRANGERS_VALIDATION = 0.6


@dataclass(frozen=True)
class Look:
    """A picture, uint8 [540, 960, 3] BGR, and the recogniser's label of what is in its middle."""

    image: Image = field(repr=False)
    label: str


@dataclass(frozen=True)
class Picture:
    """One labelled file.

    Attributes:
        file: path below the data folder.
        label: category, or `_background` for strangers.
        source: data set.
        part: `train`, `validation` or `test`.
    """

    file: str
    label: str
    source: str
    part: str

    @property
    def other_shop(self) -> bool:
        """Whether this is a grocery picture from the shop that training never sees."""
        return Path(self.file).name.startswith("val_")


def drawn_looks(store: ModelStore) -> tuple[Look, ...]:
    """Five pictures as a camera sees them; the same models give the same pictures.

    Raises:
        ModelNotFoundError: says what to pull.
        ModelCorruptError: bytes of a model changed.
    """
    font = font_file(store.open(MODELS[0]))
    places = {label: build(place, store, font) for place, label, _ in _LOOKS[:3]}
    return tuple(Look(crop(places[label], *at), label) for _, label, at in _LOOKS)


def labelled_photos(data: Path) -> tuple[tuple[Path, str], ...]:
    """Files and labels that training never saw, of `data`/recognition; none where there is no manifest."""
    folder = data / "recognition"
    if not (folder / "manifest.tsv").is_file():
        return ()
    known = (one for one in pictures(folder) if one.part == "test" and one.label != STRANGERS)
    return tuple((folder / one.file, one.label) for one in known)


def pictures(folder: Path) -> list[Picture]:
    """All pictures of `folder`/manifest.tsv (columns file, label, source), in its order.

    Raises:
        FileNotFoundError: no manifest there.
    """
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [Picture(row["file"], row["label"], row["source"], part_of(row["file"])) for row in rows]


def part_of(file: str) -> str:
    """`train`, `validation` or `test`."""
    path = Path(file)
    share = share_of(_key(path))
    if path.name.startswith("val_"):
        return "validation" if share < 0.5 else "test"  # noqa: PLR2004 - halves
    strange = path.parent.name == STRANGERS
    train, validation = (_STRANGERS_TRAIN, _STRANGERS_VALIDATION) if strange else (_TRAIN, _VALIDATION)
    if share < train:
        return "train"
    return "validation" if share < validation else "test"


def _key(path: Path) -> str:
    numbered = re.fullmatch(r"(.*_)(\d+)\.\w+", path.name)
    if numbered and path.name.startswith(("train_", "val_")):
        return f"{path.parent.name}/{numbered[1]}{(int(numbered[2]) - 1) // _NEIGHBOURS}"
    return f"{path.parent.name}/{path.name}"


def share_of(key: str) -> float:
    """A number from 0 to 1 that only depends on the key."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big") / 2**48
