"""The one list of models (`models/catalog.toml`): parsed, validated, frozen.

A file says what it must be (SHA-256, size) and where it may come from, in order of preference. The hash decides,
not the source: any mirror will do.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import json
import sys
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal
from urllib.parse import quote, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge.errors import StoreError, UnknownModelError
from edge.hub import recipes
from edge.hub.catalogue_families import expand_families

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Task = Literal[
    "voice-activity",
    "speech-recognition",
    "translation",
    "text-detection",
    "text-recognition",
    "image-recognition",
    "object-detection",
    "font",
    "sample",
    "weights",
]
"""What a model does; `weights`: what one is made from, of no use to the running program."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(gt=0)]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]

PERMISSIVE = frozenset(
    {
        *("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-2.0", "CC-BY-3.0", "CC-BY-4.0"),
        *("CC0-1.0", "MIT", "MPL-2.0", "OFL-1.1", "Unlicense"),
    }
)
"""SPDX ids that allow any use, also commercial, under conditions that carrying the notice along meets."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Wheel(_Frozen):
    """A wheel of a package registry used as a carrier of data; never installed or imported."""

    requirement: str = Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.]+$")
    """Exactly one version, as pip reads it."""
    sha256: Sha256
    size: Size
    """Bytes to download."""
    platform: str | None = None
    """Tags of a wheel that is made for one platform, so that any other can fetch it too; all or none."""
    python: str | None = None
    implementation: str | None = None
    abi: str | None = None


class WheelSource(_Frozen):
    """A file inside a wheel."""

    wheel: str
    """Requirement of a listed wheel."""
    path: str
    """Path inside the wheel."""


class UrlSource(_Frozen):
    """A file at an HTTP or HTTPS address."""

    url: str = Field(pattern=r"^https?://[^\s]+$")
    path: str = ""
    """Path that a `--mirror` would have it under; the path of the address if not given."""

    @property
    def mirror_path(self) -> str:
        """Unquoted path, without a leading slash."""
        return self.path or unquote(urlsplit(self.url).path).lstrip("/")


class PackagedSource(_Frozen):
    """A file that comes with this package: a model made here."""

    packaged: str = Field(pattern=r"^[^/\\.][^\\]*$")
    """Path under the folder of the catalogue."""


class ModelFile(_Frozen):
    """One upstream file."""

    name: Annotated[str, Field(pattern=r"^[^/\\]+$")]
    """The role under which the recipe receives it."""
    sha256: Sha256
    size: Size
    sources: tuple[WheelSource | UrlSource | PackagedSource, ...] = ()
    """Where it may come from, the preferred first; none only for recipe `made`, whose files come with the entry."""


class Upstream(_Frozen):
    """Where the model was published by those who made it."""

    repository: str
    revision: str


class Hub(_Frozen):
    """Where `scripts/make` finds the PyTorch model."""

    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    """`owner/name` at the Hugging Face hub."""
    revision: str = "main"
    """Branch, tag, commit or `refs/pr/N`; the commit that was taken is recorded in what is made."""
    recipe: Literal["whisper"] | None = None
    """Recipe that builds it on the device, from the same files and without torch."""


class Quality(_Frozen):
    """A number that somebody measured."""

    metric: str
    data: str
    value: float
    by: Literal["upstream", "here"]
    """Published by those who made the model, or measured by this project's benchmarks."""


class Model(_Frozen):
    """One entry: everything needed to show, fetch, build and check a model."""

    id: Id
    task: Task
    title: str
    languages: tuple[str, ...] = ()
    """What a speech model hears; `multilingual` where it is too long a list."""
    source: str | None = None
    target: str | None = None
    """Translation only: language codes."""
    licence: str
    """SPDX id or expression."""
    licence_url: str
    upstream: Upstream
    recipe: str
    options: dict[str, Any] = Field(default_factory=dict)
    hub: Hub | None = None
    """For recipe `export`: what to make it from."""
    parameters: Annotated[int, Field(gt=0)] | None = None
    default: bool = False
    """Part of what `edge models pull` takes without an id."""
    fallback: Id | None = None
    """The model to use while this one cannot be had."""
    ram_mb: Annotated[int, Field(ge=0)]
    """Estimate of what the running model adds to the process."""
    disk_mb: Annotated[float, Field(gt=0)]
    """Size of the built model folder."""
    quality: tuple[Quality, ...] = ()
    files: tuple[ModelFile, ...] = ()
    """None only for models that must be exported first (recipe `export`)."""
    built: dict[str, Sha256] = Field(default_factory=dict)
    """Name of a file of the built model to its SHA-256, where somebody has recorded it."""

    @property
    def is_commercial(self) -> bool:
        """Whether the licence is known to allow commercial use."""
        return any(part in PERMISSIVE for part in self.licence.split(" OR "))

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change when the built files would change: upstream bytes, recipe, version, options."""
        content = {
            "files": sorted((file.name, file.sha256) for file in self.files),
            "recipe": [self.recipe, recipes.VERSIONS.get(self.recipe, 0)],
            "options": self.options,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    @model_validator(mode="after")
    def _check(self) -> Model:
        if self.recipe not in recipes.VERSIONS:
            raise ValueError(f"{self.id}: no recipe named {self.recipe}")
        given = (self.source is not None) + (self.target is not None)
        if given != (2 if self.task == "translation" else 0):
            raise ValueError(f"{self.id}: source and target belong to translation, and both of them")
        if bool(self.files) == (self.recipe == "export"):
            raise ValueError(f"{self.id}: files belong to every recipe but export")
        if (self.recipe == "export") != (self.hub is not None):
            raise ValueError(f"{self.id}: hub belongs to recipe export, and to no other")
        if self.recipe != "made" and not all(file.sources for file in self.files):
            raise ValueError(f"{self.id}: only files of recipe made have no source")
        if len({file.name for file in self.files}) != len(self.files):
            raise ValueError(f"{self.id}: two files of one name")
        if self.default and not self.is_commercial:
            raise ValueError(f"{self.id}: a default model needs a permissive licence, not {self.licence}")
        return self


class Catalogue(_Frozen):
    """All models, in the order of the file."""

    wheels: tuple[Wheel, ...] = ()
    models: tuple[Model, ...]

    def get(self, model_id: str) -> Model:
        """The entry with this id.

        Raises:
            UnknownModelError: with the nearest id that exists.
        """
        for model in self.models:
            if model.id == model_id:
                return model
        nearest = difflib.get_close_matches(model_id, [model.id for model in self.models], n=1)
        raise UnknownModelError(model_id, nearest[0] if nearest else None)

    def wheel(self, requirement: str) -> Wheel:
        """The listed wheel with this requirement."""
        return next(wheel for wheel in self.wheels if wheel.requirement == requirement)

    def defaults(self) -> tuple[Model, ...]:
        """What `edge models pull` takes without an id."""
        return tuple(model for model in self.models if model.default)

    @model_validator(mode="after")
    def _check(self) -> Catalogue:
        ids = [model.id for model in self.models]
        wheels = [wheel.requirement for wheel in self.wheels]
        for names in (ids, wheels):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"listed twice: {', '.join(sorted(twice))}")
        for model in self.models:
            if model.fallback is not None and model.fallback not in ids:
                raise ValueError(f"{model.id}: its fallback {model.fallback} is not listed")
            if model.fallback is not None and self.get(model.fallback).fallback is not None:
                raise ValueError(f"{model.id}: its fallback {model.fallback} has a fallback; one step is enough")
            for source in (source for file in model.files for source in file.sources):
                if isinstance(source, WheelSource) and source.wheel not in wheels:
                    raise ValueError(f"{model.id}: wheel {source.wheel} is not listed")
        return self


def catalogue_path() -> Path:
    """`catalog.toml` inside the installed package, or `models/catalog.toml` of the checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "catalog.toml"
    return installed if installed.is_file() else package.parent / "models" / "catalog.toml"


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read and validate the catalogue; the one that comes with the package is read once per process.

    Raises:
        StoreError: the file is missing or does not validate.
    """
    return _load(path or catalogue_path())


@functools.lru_cache(maxsize=4)
def _load(path: Path) -> Catalogue:
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        return Catalogue.model_validate(_expand(expand_families(tree)))
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(f"catalogue {path} cannot be read ({error.strerror}); reinstall edge-glasses") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"catalogue {path} is not valid TOML ({error}); reinstall edge-glasses") from error
    except (AttributeError, KeyError, TypeError) as error:
        raise StoreError(f"catalogue {path} is not valid (tables are not what they should be)") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoreError(f"catalogue {path} is not valid ({where}: {first['msg']})") from error


def _expand(tree: dict[str, Any]) -> dict[str, Any]:
    """Replace `{mirror, path}` sources by one URL source per address of that mirror."""
    mirrors: dict[str, list[str]] = tree.pop("mirrors", {})
    for file in (file for model in tree.get("models", []) for file in model.get("files", [])):
        sources: list[dict[str, Any]] = []
        for source in file.get("sources", []):
            if "mirror" not in source:
                sources.append(source)
                continue
            if source["mirror"] not in mirrors:
                raise StoreError(f"catalogue: no mirror named {source['mirror']}; reinstall edge-glasses")
            path = str(PurePosixPath(source["path"]))
            sources += [{"url": f"{base}/{quote(path)}", "path": path} for base in mirrors[source["mirror"]]]
        file["sources"] = sources
    return tree
