"""All stages, in the order of the table. What each one is stands in the modules beside this one."""

from __future__ import annotations

from edge.bench import stages_hud, stages_scene, stages_signs, stages_speech, stages_translation
from edge.bench.precisions import SAMPLE_MODELS
from edge.bench.stage import Stage

__all__ = ["SAMPLE_MODELS", "STAGES"]

STAGES: tuple[Stage, ...] = (
    *stages_speech.STAGES,
    *stages_translation.STAGES,
    *stages_signs.STAGES,
    *stages_scene.STAGES,
    *stages_hud.STAGES,
)
