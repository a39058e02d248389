"""One syntax that names every source. Parsing only: nothing is opened and nothing has to exist.

| flag       | written as                                 | means                                             |
|------------|--------------------------------------------|---------------------------------------------------|
| `--mic`    | `default`, `mic://default`                 | the microphone the system calls its default       |
| `--mic`    | `2`, `mic://2`                             | the microphone with that number in `edge devices` |
| `--mic`    | `usb`, `mic://USB%20Audio`                 | the first with that in its name, in any case      |
| `--camera` | `0`                                        | the camera with that number                       |
| `--camera` | `/dev/video0`                              | a camera by its device file                       |
| `--camera` | `csi://0`                                  | a ribbon-cable camera of a Raspberry Pi or Jetson |
| `--camera` | `rtsp://...`, `http://...`, `https://...`  | a network camera                                  |
| `--camera` | `photo.jpg`, `folder/`, `walk.mp4`, `file:///...` | a picture, pictures, a film, over and over |

Sinks (`--hud`) have the same kind of syntax; `edge.hud.sinks` owns it, because nothing up here imports the HUD.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from edge.errors import SourceError

CameraKind = Literal["number", "device", "csi", "network", "file"]

_NETWORK = ("rtsp", "rtsps", "http", "https")
_MICROPHONES = "default, a number or part of a name; edge devices lists them"
_CAMERAS = "a number, /dev/videoN, csi://N, rtsp:// or http:// address, a picture, a folder or a film"


@dataclass(frozen=True)
class CameraUri:
    """What `--camera` names.

    Attributes:
        kind: which of the fields below counts.
        number: of the camera, for `number` and `csi`.
        address: of the camera, for `network`.
        path: of the device file, picture, folder or film, for `device` and `file`.
    """

    kind: CameraKind
    number: int = 0
    address: str = ""
    path: Path = Path()

    def __str__(self) -> str:
        written = {"number": str(self.number), "csi": f"csi://{self.number}", "network": self._without_password()}
        return written.get(self.kind, str(self.path))

    def _without_password(self) -> str:
        parts = urlsplit(self.address)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def parse_microphone(text: str | None) -> int | str | None:
    """The number or the part of the name of a microphone; None for the default one.

    Raises:
        SourceError: another scheme than `mic`, or nothing behind it.
    """
    if text is None:
        return None
    scheme, separator, rest = text.partition("://")
    if separator and scheme.lower() != "mic":
        raise SourceError(f"--mic {text} is no microphone; use {_MICROPHONES}")
    name = (unquote(rest) if separator else text).strip()
    if not name:
        raise SourceError(f"--mic {text!r} names no microphone; use {_MICROPHONES}")
    if name.lower() == "default":
        return None
    return int(name) if name.isascii() and name.isdigit() else name


def parse_camera(text: str) -> CameraUri:
    """What kind of camera `text` names.

    Raises:
        SourceError: an unknown scheme, no host, or nothing at all.
    """
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not text.strip():
        raise SourceError(f"--camera {text!r} names no camera; use {_CAMERAS}")
    if not separator:
        return _local_camera(text)
    if scheme == "csi" and rest.isascii() and rest.isdigit():
        return CameraUri("csi", number=int(rest))
    if scheme in _NETWORK and urlsplit(text).hostname:
        return CameraUri("network", address=text)
    if scheme == "file" and rest:
        return _local_camera(unquote(rest))
    raise SourceError(f"--camera {text} is no camera; use {_CAMERAS}")


def _local_camera(text: str) -> CameraUri:
    if text.isascii() and text.isdigit():
        return CameraUri("number", number=int(text))
    return CameraUri("device" if text.startswith("/dev/") else "file", path=Path(text))
