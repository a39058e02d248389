"""From torch to ONNX, float and int8.

Layer scales and the scale of the attention are folded into the matrices before them, so that the graph is MatMul,
Add, LayerNormalization, Softmax and Gelu and little else. int8: ONNX Runtime's dynamic quantisation of the
matrices of the blocks, one scale a column; all else stays float.
"""

# mypy: disable-error-code="misc,untyped-decorator,unused-ignore"
# (the environment that checks types has no torch: its classes are Any there, its decorators untyped)

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from recognizer_model import HEADS, WIDTH, Block, Top, Trunk
from torch import Tensor, nn
from torch.nn import functional

OUTPUTS = ("logits", "embedding", "saliency")
OPSET = 20


class Folded(nn.Module):
    """A block without separate scales."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.block = copy.deepcopy(block)
        with torch.no_grad():
            for linear, scale in ((self.block.projection, block.scale1), (self.block.fc2, block.scale2)):
                linear.weight.mul_(scale[:, None])
                linear.bias.mul_(scale)
            self.block.qkv.weight[:WIDTH].mul_((WIDTH // HEADS) ** -0.5)
            self.block.qkv.bias[:WIDTH].mul_((WIDTH // HEADS) ** -0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        """The same numbers as the block."""
        block, length = self.block, tokens.shape[1]
        heads = block.qkv(block.norm1(tokens)).reshape(-1, length, 3, HEADS, WIDTH // HEADS)
        query, key, value = (heads[:, :, part].transpose(1, 2) for part in range(3))
        mixed = torch.softmax(query @ key.transpose(2, 3), dim=-1) @ value
        tokens = tokens + block.projection(mixed.transpose(1, 2).reshape(-1, length, WIDTH))
        changed: Tensor = tokens + block.fc2(functional.gelu(block.fc1(block.norm2(tokens))))
        return changed


class Recognizer(nn.Module):
    """Everything that runs on the device: images [n, 3, s, s] to logits, embedding and saliency.

    Args:
        trunk: frozen part.
        top: trained part.
        embed: from the features of the head to the embedding.
        salient: from a token after the last block to one number.
    """

    def __init__(self, trunk: Trunk, top: Top, embed: nn.Linear, salient: nn.Linear) -> None:
        super().__init__()
        self.trunk, self.top, self.embed, self.salient = trunk, top, embed, salient
        self.grid = trunk.grid
        self.lower = nn.Sequential(*(Folded(block) for block in trunk.blocks))  # type: ignore[arg-type]  # Blocks
        self.upper = nn.Sequential(*(Folded(block) for block in top.blocks))  # type: ignore[arg-type]  # Blocks

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits [n, classes], embedding [n, d] of length 1, saliency logits [n, g, g]."""
        tokens = self.lower(self.trunk.embed(images))
        last = self.top.norm(self.upper(tokens))
        features = self.top.features(tokens, last)
        saliency = self.salient(last[:, 1:]).reshape(-1, self.grid, self.grid)
        embedding = self.embed(features)
        return self.top.head(features), embedding / embedding.norm(dim=1, keepdim=True), saliency


def export(model: Recognizer, size: int, file: Path) -> None:
    """Write the float graph: input `image`, dynamic in its first axis."""
    file.parent.mkdir(parents=True, exist_ok=True)
    batch: dict[str, Any] = {name: {0: "n"} for name in ("image", *OUTPUTS)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(),
            (torch.zeros(2, 3, size, size),),
            str(file),
            input_names=["image"],
            output_names=list(OUTPUTS),
            dynamic_axes=batch,
            opset_version=OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(str(file))


def quantise(source: Path, file: Path, keep: Sequence[str] = ()) -> None:
    """Write the int8 graph; nodes in `keep` stay float."""
    quantize_dynamic(
        source,
        file,
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=list(keep),
        extra_options={"MatMulConstBOnly": True},
    )
