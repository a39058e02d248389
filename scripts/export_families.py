"""Which architectures can be exported, and which module does it: `model_type` of transformers -> family module here.

A family module offers `export(source, out, options)`. It may import torch, transformers and optimum; this module must
not, so that a wrong folder is refused before anything heavy is loaded.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from provenance import Parity

from edge.errors import ExportError

FAMILIES: Mapping[str, str] = {
    "marian": "export_marian",
    "whisper": "export_whisper",
    "vit": "export_classifiers",
    "deit": "export_classifiers",
    "mobilevit": "export_classifiers",
    "dinov2": "export_classifiers",
    "clip": "export_dual_encoders",
    "siglip": "export_dual_encoders",
    "detr": "export_detectors",
    "yolos": "export_detectors",
    "rt_detr": "export_detectors",
    "rt_detr_v2": "export_detectors",
    "d_fine": "export_detectors",
}
TASKS: Mapping[str, str] = {
    "export_marian": "translation",
    "export_whisper": "speech-recognition",
    "export_classifiers": "image-recognition",
    "export_dual_encoders": "image-recognition",
    "export_detectors": "object-detection",
}
"""Family module -> task of the catalogue."""

HEADS: Mapping[str, tuple[str, ...]] = {
    "export_marian": ("MarianMTModel",),
    "export_whisper": ("WhisperForConditionalGeneration",),
    "export_classifiers": ("*ForImageClassification", "*ForImageClassificationWithTeacher"),
    "export_dual_encoders": ("CLIPModel", "SiglipModel"),
    "export_detectors": ("*ForObjectDetection",),
}
"""Family module -> classes of transformers that have what the task needs."""


@dataclass(frozen=True)
class ExportOptions:
    """What cannot be read from the model itself.

    Attributes:
        source: language code that a translation model reads; None: from the tokenizer's configuration.
        target: language code that it writes; None: the same.
        tolerance: most absolute difference between torch and ONNX Runtime; None: the family's own.
    """

    source: str | None = None
    target: str | None = None
    tolerance: float | None = None


class Family(Protocol):
    """What a family module offers."""

    def export(self, source: Path, out: Path, options: ExportOptions) -> list[Parity]:
        """Write float graphs, `tokenizer.json` where there is text, and `model.json` into the empty folder `out`.

        Args:
            source: folder with `config.json`, safetensors and the files of tokenizer or processor; already checked.
            out: existing empty folder.
            options: the user's.

        Returns:
            How far every output is from the torch model's on fixed inputs. The caller enforces it.

        Raises:
            ExportError: this model has something that the family does not support; says what.
        """
        ...


def load_family(model_type: str) -> Family:
    """Import the family of an architecture.

    Raises:
        ExportError: no family knows it; names those that are known.
    """
    if model_type not in FAMILIES:
        raise ExportError(f"architecture {model_type!r} is not supported; known are {', '.join(sorted(FAMILIES))}")
    family: Family = importlib.import_module(FAMILIES[model_type])
    return family
