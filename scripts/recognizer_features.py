"""Tokens after the frozen blocks on disk: one float16 file a view, so that a broken run goes on where it was."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from recognizer_data import STRANGERS, Picture, Pixels, Views, read, tensor_of
from recognizer_model import WIDTH, Shape, Trunk

STRANGERS_A_VIEW = 400
_BATCH = 32

Tokens = npt.NDArray[np.float16]


class Cache:
    """Where the tokens of each view lie.

    Files: `view_00.npy` float16 [all pictures, t, 384] (the whole pictures), `view_NN.npy` float16 [train pictures +
    pieces, t, 384], and `cache.json` with what they were made with.

    Args:
        folder: made when it is missing.
        shape: network.
        items: all pictures.
        data: their folder.
    """

    def __init__(self, folder: Path, shape: Shape, items: Sequence[Picture], data: Path) -> None:
        self.folder = folder / f"tokens_{shape.size}_{shape.frozen}"
        self.shape = shape
        self.items = items
        self.data = data
        self.train = [index for index, item in enumerate(items) if item.part == "train"]
        pieces = np.random.default_rng(1).permutation(self.train)[:STRANGERS_A_VIEW]
        self.pieces = [int(index) for index in pieces]

    def tokens(self, view: int) -> Tokens:
        """The tokens of a view that has been made, mapped read-only."""
        tokens: Tokens = np.load(self._file(view), mmap_mode="r")
        return tokens

    def views(self) -> list[int]:
        """The numbers of the random views that have been made."""
        return sorted(int(file.stem[5:]) for file in self.folder.glob("view_*.npy") if file.stem != "view_00")

    def fill(self, trunk: Trunk, views: int, device: str) -> None:
        """Make view 0 and `views` random ones; those that exist are left alone."""
        self.folder.mkdir(parents=True, exist_ok=True)
        behind = [read(self.data / self.items[i].file) for i in self.train if self.items[i].label == STRANGERS]
        maker = Views(self.shape.size, behind)
        (self.folder / "cache.json").write_text(json.dumps({"size": self.shape.size, "frozen": self.shape.frozen}))
        for view in range(views + 1):
            if self._file(view).exists():
                continue
            started = time.monotonic()
            self._write(trunk, view, maker, device)
            print(f"view {view}: {time.monotonic() - started:.0f} s", flush=True)

    def _write(self, trunk: Trunk, view: int, maker: Views, device: str) -> None:
        indices = self.train if view else range(len(self.items))
        jobs: list[Callable[[], Pixels]] = [_job(maker.view, self.data, self.items[i].file, view) for i in indices]
        if view:
            jobs += [_job(maker.stranger, self.data, self.items[i].file, view) for i in self.pieces]
        part = self._file(view).with_suffix(".part")
        tokens = np.lib.format.open_memmap(part, "w+", np.float16, (len(jobs), self.shape.tokens, WIDTH))
        for start, batch in _batches(jobs):
            images = torch.from_numpy(batch).to(device)
            with torch.inference_mode(), torch.autocast(torch.device(device).type, torch.bfloat16):
                made = trunk(images).float().cpu().numpy()
            tokens[start : start + len(batch)] = made
        tokens.flush()
        part.rename(self._file(view))

    def _file(self, view: int) -> Path:
        return self.folder / f"view_{view:02d}.npy"


def _job(make: Callable[[Pixels, str, int], Pixels], data: Path, file: str, view: int) -> Callable[[], Pixels]:
    return lambda: make(read(data / file), file, view)


def _batches(jobs: Sequence[Callable[[], Pixels]]) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Batches with their first row; the next is prepared while one is used."""

    def prepare(start: int) -> npt.NDArray[np.float32]:
        return np.stack([tensor_of(job()) for job in jobs[start : start + _BATCH]])

    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(prepare, 0)
        for start in range(0, len(jobs), _BATCH):
            batch = ahead.result()
            if start + _BATCH < len(jobs):
                ahead = pool.submit(prepare, start + _BATCH)
            yield start, batch
