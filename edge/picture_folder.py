"""A folder into which pictures are written that something was drawn into, each under the name of its original."""

from __future__ import annotations

from pathlib import Path

from edge.errors import SinkError
from edge.media import Image

_KEPT_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp"})


class PictureFolder:
    """Writes pictures.

    Args:
        folder: made if it is not there.
        option: of the command line that names it, for messages.

    Raises:
        SinkError: the folder cannot be made.
    """

    def __init__(self, folder: Path, option: str) -> None:
        self._folder = folder
        self._option = option
        self._written: set[Path] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(f"{folder} cannot be made ({error.strerror}); choose another {option} folder") from error

    def write(self, original: Path, image: Image) -> Path:
        """Write `image`, BGR uint8 [h, w, 3]; the file's name.

        Raises:
            SinkError: it cannot be written.
        """
        import cv2

        file = self._file(original)
        try:
            file.write_bytes(cv2.imencode(file.suffix, image)[1].tobytes())
        except (OSError, cv2.error) as error:
            raise SinkError(f"{file} cannot be written ({error}); choose another {self._option} folder") from error
        return file

    def _file(self, original: Path) -> Path:
        """The picture's own name; a number is added where two pictures have the same."""
        ending = original.suffix.lower() if original.suffix.lower() in _KEPT_ENDINGS else ".png"
        file, number = self._folder / f"{original.stem}{ending}", 1
        while file in self._written:
            number += 1
            file = self._folder / f"{original.stem}-{number}{ending}"
        self._written.add(file)
        return file
