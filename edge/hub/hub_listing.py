"""What a repository of the Hugging Face hub offers: commit, licence, and the files that the chain needs.

The only importer of huggingface_hub, together with `hub_snapshot`; works with its versions 0.36 (environment of the
export scripts) and 2.x (comes with tokenizers). `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE` mean what they mean
there. Its telemetry and its own progress bars are off.
"""

from __future__ import annotations

import contextlib
import fnmatch
import http
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edge.errors import DownloadError, EdgeError

_NAMES = (
    *("config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json", "normalizer.json"),
    *(
        "tokenizer*.json",
        "tokenizer.model",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab*.json",
        "vocab*.txt",
    ),
    *("merges.txt", "*.spm", "spiece.model", "sentencepiece*.model", "LICENSE*", "LICENCE*", "README.md"),
)
_WHOLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_SHARDS = "model-?????-of-?????.safetensors"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.msgpack", "*.h5", "*.ot")

_SPDX = {
    name.lower(): name
    for name in (
        *(
            "Apache-2.0",
            "MIT",
            "MPL-2.0",
            "BSD-2-Clause",
            "BSD-3-Clause",
            "Unlicense",
            "AGPL-3.0",
            "GPL-3.0",
            "LGPL-3.0",
        ),
        *("CC0-1.0", "CC-BY-2.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-ND-4.0"),
        *("CC-BY-NC-2.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0", "OFL-1.1", "WTFPL"),
    )
}
UNKNOWN_LICENCE = "LicenseRef-unknown"


@dataclass(frozen=True)
class RemoteFile:
    """A file of the hub. Large ones have the SHA-256 of their bytes, small ones git's SHA-1 of the blob."""

    name: str
    size: int
    sha256: str | None
    git_sha1: str | None


@dataclass(frozen=True)
class Listing:
    """One commit of a repository."""

    repository: str
    """`owner/name`."""
    page: str
    """Address for people."""
    commit: str
    licence: str
    """SPDX id; `LicenseRef-...` where the hub names a licence that SPDX does not list, or none."""
    files: tuple[RemoteFile, ...]
    """Only what the chain needs; never pickles."""

    @property
    def download_bytes(self) -> int:
        """Size of all files."""
        return sum(file.size for file in self.files)


def endpoint() -> str:
    """Address of the hub, without a trailing slash."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def hub() -> Any:
    """The module huggingface_hub, made quiet.

    Raises:
        DownloadError: it is not installed.
    """
    try:
        import huggingface_hub
        from huggingface_hub import constants
        from huggingface_hub.utils import disable_progress_bars
    except ImportError as error:
        raise DownloadError(
            f"the hub needs the package huggingface_hub ({error}); run: scripts/setup export"
        ) from error
    constants.HF_HUB_DISABLE_TELEMETRY = True
    constants.HF_HUB_DISABLE_XET = True  # plain HTTP ranges: resumable after the process has ended, and testable
    if os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS") is None:
        disable_progress_bars()
    return huggingface_hub


def list_repository(repository: str, revision: str | None = None) -> Listing:
    """Ask the hub what it has.

    Args:
        repository: `owner/name`.
        revision: branch, tag, commit or `refs/pr/N`; None: `main`.

    Raises:
        DownloadError: no such repository or revision, gated, out of reach, or without safetensors weights.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", repository):
        raise DownloadError(f"{repository!r} is no repository of the hub; give it as owner/name")
    with hub_errors(repository, revision):
        api = hub().HfApi(endpoint=endpoint())
        info = api.model_info(repository, revision=revision or "main", files_metadata=True, timeout=30)
        listed = [_remote(sibling) for sibling in info.siblings or ()]
        files = choose(listed)
        if not any(file.name.endswith(".safetensors") for file in files):
            raise DownloadError(_without_safetensors(api, repository, listed))
    return Listing(repository, f"{endpoint()}/{repository}", str(info.sha), _licence(info), files)


def choose(files: list[RemoteFile]) -> tuple[RemoteFile, ...]:
    """The files that the chain needs, of all that a repository has: one set of weights, no folders, no pickles."""
    names = {file.name for file in files}
    weights = (_WHOLE,) if _WHOLE in names else (_INDEX, _SHARDS) if _INDEX in names else ()
    patterns = (*_NAMES, *weights)
    return tuple(file for file in files if any(fnmatch.fnmatchcase(file.name, pattern) for pattern in patterns))


def spdx(name: str | None, other: str | None = None) -> str:
    """SPDX id of a licence as the hub writes it (`apache-2.0`; `other` with a name of its own)."""
    if not name or name.lower() == "unknown":
        return UNKNOWN_LICENCE
    if name.lower() == "other":
        name = other or "other"
    return _SPDX.get(name.lower()) or "LicenseRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", name)


@contextlib.contextmanager
def hub_errors(repository: str, revision: str | None) -> Iterator[None]:
    """Turn what huggingface_hub and its HTTP library raise into one line that says what to do.

    Raises:
        DownloadError: for anything but an EdgeError and a full disk.
    """
    try:
        yield
    except EdgeError:
        raise
    except Exception as error:
        if type(error).__module__ == "builtins" and isinstance(error, OSError) and error.errno:
            raise  # of the disk; the caller knows where
        raise DownloadError(_explain(error, repository, revision)) from error


def _explain(error: Exception, repository: str, revision: str | None) -> str:
    page = f"{endpoint()}/{repository}"
    gone = f"{page}: a file that was listed is gone; run again"
    known = {
        "GatedRepoError": f"{page} is gated: accept its terms there, set HF_TOKEN to a token of yours and run again",
        "RevisionNotFoundError": f"{page} has no revision {revision!r}; its branches and commits are on that page",
        "RepositoryNotFoundError": (
            f"no repository {repository} at {endpoint()} (a private one needs HF_TOKEN); check the name"
        ),
        "EntryNotFoundError": gone,
        "RemoteEntryNotFoundError": gone,
        "OfflineModeIsEnabled": "HF_HUB_OFFLINE is set; unset it to reach the hub, or give a local folder",
    }
    if type(error).__name__ in known:
        return known[type(error).__name__]
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
        return f"{page} refuses access (HTTP {status}); set HF_TOKEN to a token that may read it"
    if status is not None:
        return f"{endpoint()} answers HTTP {status} for {repository}; try again later"
    return f"{endpoint()} cannot be reached ({_first_cause(error)}); check the network, or give a local folder"


def _first_cause(error: BaseException) -> str:
    """What the system said, of all that the HTTP library made of it."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(said).split())[:120]


def _without_safetensors(api: Any, repository: str, listed: list[RemoteFile]) -> str:
    pickles = [file.name for file in listed if any(fnmatch.fnmatchcase(file.name, glob) for glob in _PICKLES)]
    if not pickles:
        return f"{endpoint()}/{repository} has no weights (*.safetensors); is it the right repository?"
    refused = (
        f"{repository} has its weights only as {', '.join(pickles[:3])}, which can carry code and are never loaded"
    )
    proposal = _converted(api, repository)
    if proposal:
        return f"{refused}; a proposal has safetensors: look at its author, then run again with --revision {proposal}"
    return f"{refused}; choose a repository with safetensors, or convert it on a machine where you trust it"


def _converted(api: Any, repository: str) -> str | None:
    """The newest of the open or merged proposals that adds safetensors."""
    refs = api.list_repo_refs(repository, include_pull_requests=True).pull_requests or ()
    numbered = sorted((str(ref.ref) for ref in refs), key=lambda ref: int(ref.rpartition("/")[2] or 0), reverse=True)
    for ref in numbered[:10]:
        siblings = api.model_info(repository, revision=ref, timeout=30).siblings or ()
        if any(sibling.rfilename in (_WHOLE, _INDEX) for sibling in siblings):
            return ref
    return None


def _remote(sibling: Any) -> RemoteFile:
    lfs = sibling.lfs
    size = lfs.size if lfs else sibling.size
    return RemoteFile(sibling.rfilename, int(size or 0), lfs.sha256 if lfs else None, sibling.blob_id)


def _licence(info: Any) -> str:
    card = info.card_data
    name = getattr(card, "license", None)
    if name is None:
        name = next((tag.partition(":")[2] for tag in info.tags or () if tag.startswith("license:")), None)
    if isinstance(name, list):
        names = [spdx(str(one)) for one in name]
        return " AND ".join(names) if names else UNKNOWN_LICENCE
    return spdx(name, getattr(card, "license_name", None))
