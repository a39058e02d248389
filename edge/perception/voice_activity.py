"""Voice activity: the probability that a 32 ms window of sound holds speech (Silero VAD, 16 kHz).

The graph is recurrent and wants to see the last 64 samples of the previous window in front of each window of
512. Given 512 samples alone it raises nothing and never fires, so the context is kept here, out of reach of
callers. Inputs `input` float32 [1, 576], `state` float32 [2, 1, 128], `sr` int64 []; outputs the probability
float32 [1, 1] and the next state. Source: https://github.com/snakers4/silero-vad (MIT).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.errors import ModelCorruptError, ModelNotFoundError
from edge.inference.sessions import Array, Session, SessionFactory
from edge.media import Samples

MODEL_ID = "silero-vad"
MODEL_FILE = "silero_vad.onnx"
SAMPLE_RATE = 16_000
WINDOW = 512
CONTEXT = 64

_STATE_SHAPE = (2, 1, 128)


class VoiceActivityDetector:
    """Speech probability of consecutive windows of one stream.

    Recurrent: windows must follow each other without gaps, and `reset` must be called at a gap or a new stream.
    One thread: a second one made it 1.8 times slower.

    Attributes:
        sample_rate: hertz of the samples it wants.
        window: samples in a window.
    """

    sample_rate = SAMPLE_RATE
    window = WINDOW

    def __init__(self, session: Session) -> None:
        self._session = session
        self._input = np.zeros((1, CONTEXT + WINDOW), np.float32)
        self._state: Array = np.zeros(_STATE_SHAPE, np.float32)
        self._rate = np.array(SAMPLE_RATE, np.int64)

    @classmethod
    def load(cls, folder: Path, sessions: SessionFactory) -> VoiceActivityDetector:
        """Open the model in `folder`.

        Raises:
            ModelNotFoundError: `folder` does not hold the model.
            ModelCorruptError: the file there has other inputs than this model.
            InferenceError: the file cannot be loaded.
        """
        file = folder / MODEL_FILE
        if not file.is_file():
            raise ModelNotFoundError(MODEL_ID)
        session = sessions.open(file, threads=1)
        names = {node.name for node in session.get_inputs()}
        if names != {"input", "state", "sr"}:
            raise ModelCorruptError(MODEL_ID, MODEL_FILE, f"its inputs are {', '.join(sorted(names))}")
        return cls(session)

    def detect(self, samples: Samples) -> float:
        """The probability of speech in the next window.

        Args:
            samples: float32 [512] in -1..1 at 16 kHz, following the samples of the previous call.

        Returns:
            Probability, 0..1.

        Raises:
            ValueError: another number of samples.
        """
        if samples.shape != (WINDOW,):
            raise ValueError(f"a window has {WINDOW} samples, not {samples.shape}")
        self._input[0, :CONTEXT] = self._input[0, -CONTEXT:]
        self._input[0, CONTEXT:] = samples
        probability, self._state = self._session.run(
            None, {"input": self._input, "state": self._state, "sr": self._rate}
        )
        return float(probability.item())

    def reset(self) -> None:
        """Forget everything heard: a new stream begins."""
        self._input.fill(0.0)
        self._state = np.zeros(_STATE_SHAPE, np.float32)
