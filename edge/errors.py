"""The error tree: what a user can be told, each with the exit code 2 and one line that says what to do.

Every error has the domain parent `EdgeError` and, where one fits, a built-in second parent, so that callers
may catch `FileNotFoundError` without knowing this module. Constructors build the message.
"""

from __future__ import annotations


class EdgeError(Exception):
    """Something the user can act on. The message is one line: what happened, then what to run or change."""


class ModelNotFoundError(EdgeError, FileNotFoundError):
    """A model is not in the store."""

    def __init__(self, model_id: str) -> None:
        super().__init__(f"model {model_id} is not installed; run: edge models pull {model_id}")
        self.model_id = model_id


class UnknownModelError(EdgeError, LookupError):
    """An id that the catalogue does not list."""

    def __init__(self, model_id: str, nearest: str | None = None) -> None:
        hint = f"; did you mean {nearest}?" if nearest else ""
        super().__init__(f"no model named {model_id!r} in the catalogue{hint} (edge models list shows all)")


class ModelCorruptError(EdgeError, ValueError):
    """A file of a model does not have the bytes it should have."""

    def __init__(self, model_id: str, file: str, why: str) -> None:
        super().__init__(f"model {model_id}: {file} is corrupt ({why}); run: edge models pull {model_id}")
        self.model_id = model_id
        self.file = file


class DownloadError(EdgeError, ConnectionError):
    """No source gave the file with the right hash."""


class StoreError(EdgeError, OSError):
    """The model store cannot be read or written (full disk, permissions)."""


class LicenceError(EdgeError, PermissionError):
    """A model whose licence must be accepted first."""


class RecipeError(EdgeError, ValueError):
    """An upstream file is not what the recipe understands."""


class ExportError(EdgeError, ValueError):
    """A model that cannot be exported, quantised or accepted as it is."""


class LanguageError(EdgeError, ValueError):
    """A language code that nothing here knows, or a pair that no installed pack serves."""


class SettingsError(EdgeError, ValueError):
    """A settings file or value that does not validate."""


class SourceError(EdgeError, OSError):
    """A microphone, camera or file that cannot be opened or read."""


class SourceLostError(SourceError):
    """A device that worked and went away (unplugged)."""


class SinkError(EdgeError, OSError):
    """An output that cannot be written or shown."""


class InferenceError(EdgeError, RuntimeError):
    """A session that cannot be made or run."""


class StageError(EdgeError, RuntimeError):
    """A stage of a pipeline failed on an utterance."""

    def __init__(self, stage: str, message: str) -> None:
        super().__init__(f"{stage}: {message}")
        self.stage = stage


class TeachError(EdgeError, ValueError):
    """A thing that cannot be taught or forgotten: its name, or too few pictures."""


class BenchmarkError(EdgeError, RuntimeError):
    """A benchmark cannot be run, or its report cannot be read or written."""
