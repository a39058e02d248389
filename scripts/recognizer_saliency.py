"""The original's own saliency map, from cached tokens: the teacher of our linear one."""

# mypy: disable-error-code="misc,untyped-decorator,unused-ignore"
# (the environment that checks types has no torch: its classes are Any there, its decorators untyped)

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from recognizer_features import Cache
from recognizer_model import EPSILON, LAYERS, WIDTH, Block, Shape, Top, Weights
from torch import Tensor, nn
from torch.nn import functional

_STAGES = (1, 2, 3)


class Teacher(nn.Module):
    """The blocks after the trunk, the last norm and the decoder of the original.

    Args:
        shape: whose frozen tokens come in.
        weights: of the original.
    """

    def __init__(self, shape: Shape, weights: Weights) -> None:
        super().__init__()
        self.grid = shape.grid
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS - shape.frozen))
        for index, block in enumerate(self.blocks):
            block.load(weights, shape.frozen + index)  # type: ignore[operator]  # ModuleList forgets its type
        self.values = {name: torch.from_numpy(value.copy()) for name, value in weights.items() if _is_late(name)}

    @torch.inference_mode()
    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens of the trunk [n, t, 384] to saliency 0..1 of each patch, [n, g, g]."""
        value = self.values
        for block in self.blocks:
            tokens = block(tokens)
        norm = (value["backbone.layernorm.weight"], value["backbone.layernorm.bias"])
        tokens = functional.layer_norm(tokens, (WIDTH,), *norm, EPSILON)[:, 1:]
        maps = tokens.transpose(1, 2).reshape(-1, WIDTH, self.grid, self.grid)
        for stage in _STAGES:
            weight, bias = value[f"decoder.upconv{stage}.weight"], value[f"decoder.upconv{stage}.bias"]
            maps = functional.conv_transpose2d(maps, weight, bias, stride=2, padding=1)
            batch_norm = [
                value[f"decoder.bn{stage}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
            ]
            maps = functional.batch_norm(maps, *batch_norm).relu()
        maps = functional.conv2d(maps, value["decoder.final_conv.weight"], value["decoder.final_conv.bias"])
        return functional.adaptive_avg_pool2d(maps.sigmoid(), self.grid)[:, 0]


def _is_late(name: str) -> bool:
    return name.startswith(("decoder.", "backbone.layernorm."))


def pairs(
    cache: Cache, teacher: Teacher, top: Top, indices: list[int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Tokens after our last block [n * g * g, 384] and the teacher's saliency [n * g * g] of whole pictures."""
    seen, wanted = [], []
    for start in range(0, len(indices), 32):
        tokens = torch.from_numpy(np.stack([cache.tokens(0)[i] for i in indices[start : start + 32]])).float()
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            seen.append(top.tokens(tokens)[:, 1:].float().reshape(-1, WIDTH).numpy())
            wanted.append(teacher(tokens).float().reshape(-1).numpy())
    return np.concatenate(seen), np.concatenate(wanted)
