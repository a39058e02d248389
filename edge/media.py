"""What enters: audio chunks and video frames, stamped on one monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

NS_PER_S = 1_000_000_000

Samples = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class AudioChunk:
    """A run of consecutive audio samples.

    Attributes:
        samples: float32 [n], mono, -1..1.
        sample_rate: hertz.
        captured_ns: clock time of the first sample, nanoseconds.
        lost: samples (at `sample_rate`) that were lost between the previous chunk and this one; recurrent
            state must be reset when it is not 0.
    """

    samples: Samples = field(repr=False)
    sample_rate: int
    captured_ns: int
    lost: int = 0

    @property
    def ended_ns(self) -> int:
        """Clock time just after the last sample, nanoseconds."""
        return self.captured_ns + len(self.samples) * NS_PER_S // self.sample_rate


@dataclass(frozen=True)
class VideoFrame:
    """One picture of the camera.

    Attributes:
        image: uint8 [height, width, 3], BGR.
        captured_ns: clock time of exposure, nanoseconds.
        index: running number within its source.
    """

    image: Image = field(repr=False)
    captured_ns: int
    index: int = 0
