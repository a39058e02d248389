"""Names of categories in the wearer's language, from reviewed tables: never machine-translated.

The tables are `models/labels/<code>.tsv` of the checkout, `labels/` inside an installed package. Each line is
`label<TAB>name`; lines that begin with # and empty ones are skipped. `unknown` is a label like the others.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from edge.errors import StoreError
from edge.perception.languages import LANGUAGES, normalise_language

ENGLISH = "en"

_COLUMNS = 2
_SET = "labels"
log = logging.getLogger(__name__)


class CategoryNames:
    """Names of labels in one language.

    Attributes:
        language: code of the language that the names are in.
    """

    def __init__(self, language: str, names: Mapping[str, str]) -> None:
        self.language = language
        self._names = dict(names)

    @classmethod
    def load(cls, language: str, folder: Path | None = None) -> CategoryNames:
        """The table of a language; the English one, with a warning, for a language that has none.

        Args:
            language: code, as the user writes it (`pt-BR` is `pt`).
            folder: where the tables are; None: those that come with the package.

        Raises:
            LanguageError: no such language.
            StoreError: the table is missing or is not one.
        """
        code, tables = normalise_language(language), folder or tables_folder()
        path = tables / f"{code}.tsv"
        if code != ENGLISH and not path.is_file():
            log.warning("things are named in English: there is no table of their names in %s", LANGUAGES[code])
            code, path = ENGLISH, tables / f"{ENGLISH}.tsv"
        return cls(code, _read(path))

    def name(self, label: str) -> str:
        """The name of a category; a label that is in no table is its own name, with spaces."""
        return self._names.get(label) or " ".join(label.replace("_", " ").split()) or label

    def label(self, name: str) -> str | None:
        """The label whose name, or which itself, is `name` without regard to case; None: there is none."""
        wanted = _folded(name)
        return next((label for label, own in self._names.items() if wanted in (_folded(own), _folded(label))), None)

    @property
    def labels(self) -> frozenset[str]:
        """All labels that have a name."""
        return frozenset(self._names)


def tables_folder() -> Path:
    """`labels` inside the installed package, or `models/labels` of the checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / _SET
    return installed if installed.is_dir() else package.parent / "models" / _SET


def languages(folder: Path | None = None) -> tuple[str, ...]:
    """Codes of the languages that have a table, in alphabetical order."""
    return tuple(sorted(path.stem for path in (folder or tables_folder()).glob("*.tsv")))


def _read(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise StoreError(f"names of categories {path} cannot be read ({why}); reinstall edge-glasses") from error
    return dict(_rows(path, lines))


def _rows(path: Path, lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) != _COLUMNS or not all(columns):
            raise StoreError(
                f"names of categories {path}: line {number} is not label, tab, name; reinstall edge-glasses"
            )
        yield columns[0], columns[1]


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFC", text).replace("_", " ")
    return " ".join(plain.casefold().split())
