"""The transformer of the image recogniser in torch: DINOv2-small's blocks, read from an ONNX file, and our own head.

The network follows the paper and its published shapes (Oquab et al., DINOv2, arXiv:2304.07193: patch 14, width 384,
12 blocks, 6 heads, layer scale); the weights come from an ONNX export of a fine-tuned one, whose initialisers keep
the names of their layers but for the matrices, which are found through the nodes that use them.
"""

# mypy: disable-error-code="misc,untyped-decorator,unused-ignore"
# (the environment that checks types has no torch: its classes are Any there, its decorators untyped)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 384
HEADS = 6
PATCH = 14
LAYERS = 12
POSITIONS = 37  # side of the grid of position embeddings
EPSILON = 1e-6

Weights = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Shape:
    """What is built.

    Attributes:
        size: pixels of the square input, a multiple of the patch.
        depth: blocks that are run, of 12.
        frozen: blocks whose tokens are cached and never trained.
        classes: outputs of the head, strangers included.
        embedding: floats of the embedding.
    """

    size: int
    depth: int
    frozen: int
    classes: int
    embedding: int = 256

    @property
    def grid(self) -> int:
        """Patches along a side."""
        return self.size // PATCH

    @property
    def tokens(self) -> int:
        """Class token and patches."""
        return 1 + self.grid**2


def read_weights(file: Path) -> dict[str, npt.NDArray[np.float32]]:
    """The initialisers of the original graph by name; matrices are stored as `<layer>.weight`, [in, out].

    Raises:
        ValueError: a matrix of the transformer is missing.
    """
    graph = onnx.load(str(file)).graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    weights = {name: numpy_helper.to_array(tensor) for name, tensor in tensors.items() if not name.startswith("onnx::")}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in tensors:
            layer = node.name.removeprefix("/").removesuffix("/MatMul").replace("/", ".")
            weights[f"{layer}.weight"] = numpy_helper.to_array(tensors[node.input[1]])
    found = [tensor for tensor in tensors.values() if list(tensor.dims) == [1, POSITIONS**2, WIDTH]]
    if len(found) != 1 or f"backbone.encoder.layer.{LAYERS - 1}.mlp.fc2.weight" not in weights:
        raise ValueError(f"{file} is not the export that this script knows: its matrices have other names")
    weights["positions"] = numpy_helper.to_array(found[0])
    (first,) = [t for t in tensors.values() if list(t.dims) == [1, 1, WIDTH] and t.name.startswith("onnx::")]
    weights["class_position"] = numpy_helper.to_array(first)
    return weights


class Block(nn.Module):
    """One pre-norm transformer block with layer scale."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, EPSILON)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.projection = nn.Linear(WIDTH, WIDTH)
        self.scale1 = nn.Parameter(torch.ones(WIDTH))
        self.norm2 = nn.LayerNorm(WIDTH, EPSILON)
        self.fc1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.fc2 = nn.Linear(4 * WIDTH, WIDTH)
        self.scale2 = nn.Parameter(torch.ones(WIDTH))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens [n, t, 384] to tokens of the same shape."""
        tokens = tokens + self.scale1 * self.attend(self.norm1(tokens))
        return tokens + self.scale2 * self.fc2(functional.gelu(self.fc1(self.norm2(tokens))))

    def attend(self, tokens: Tensor) -> Tensor:
        """Self-attention with six heads."""
        batch, length, _ = tokens.shape
        heads = self.qkv(tokens).reshape(batch, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(heads[0], heads[1], heads[2])
        attended: Tensor = self.projection(mixed.transpose(1, 2).reshape(batch, length, WIDTH))
        return attended

    def load(self, weights: Weights, layer: int) -> None:
        """Take the weights of block `layer`, 0..11."""
        prefix = f"backbone.encoder.layer.{layer}"
        parts = [f"{prefix}.attention.attention.{name}" for name in ("query", "key", "value")]
        values = {
            "norm1.weight": weights[f"{prefix}.norm1.weight"],
            "norm1.bias": weights[f"{prefix}.norm1.bias"],
            "qkv.weight": np.concatenate([weights[f"{part}.weight"].T for part in parts]),
            "qkv.bias": np.concatenate([weights[f"{part}.bias"] for part in parts]),
            "projection.weight": weights[f"{prefix}.attention.output.dense.weight"].T,
            "projection.bias": weights[f"{prefix}.attention.output.dense.bias"],
            "scale1": weights[f"{prefix}.layer_scale1.lambda1"],
            "norm2.weight": weights[f"{prefix}.norm2.weight"],
            "norm2.bias": weights[f"{prefix}.norm2.bias"],
            "fc1.weight": weights[f"{prefix}.mlp.fc1.weight"].T,
            "fc1.bias": weights[f"{prefix}.mlp.fc1.bias"],
            "fc2.weight": weights[f"{prefix}.mlp.fc2.weight"].T,
            "fc2.bias": weights[f"{prefix}.mlp.fc2.bias"],
            "scale2": weights[f"{prefix}.layer_scale2.lambda1"],
        }
        self.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in values.items()})


class Trunk(nn.Module):
    """Patches, positions and the frozen blocks: images [n, 3, s, s], ImageNet-normalised RGB, to tokens [n, t, 384]."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.start = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.positions = nn.Parameter(torch.zeros(1, shape.tokens - 1, WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(shape.frozen))
        self.grid = shape.grid

    def embed(self, images: Tensor) -> Tensor:
        """The tokens that enter block 0."""
        patches = self.patches(images).flatten(2).transpose(1, 2) + self.positions
        return torch.cat([self.start.expand(patches.shape[0], -1, -1), patches], dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """The tokens after the last frozen block."""
        tokens = self.embed(images)
        for block in self.blocks:
            tokens = block(tokens)
        return tokens

    def load(self, weights: Weights) -> None:
        """Take patches, positions and blocks from the original."""
        grid = torch.from_numpy(weights["positions"].copy()).reshape(1, POSITIONS, POSITIONS, WIDTH).permute(0, 3, 1, 2)
        resized = functional.interpolate(grid, size=(self.grid, self.grid), mode="bicubic", align_corners=False)
        with torch.no_grad():
            self.positions.copy_(resized.flatten(2).transpose(1, 2))
            self.start.copy_(torch.from_numpy(weights["backbone.embeddings.cls_token"] + weights["class_position"]))
            projection = "backbone.embeddings.patch_embeddings.projection"
            self.patches.weight.copy_(torch.from_numpy(weights[f"{projection}.weight"].copy()))
            self.patches.bias.copy_(torch.from_numpy(weights[f"{projection}.bias"].copy()))  # type: ignore[union-attr]  # it has one
        for layer, block in enumerate(self.blocks):
            block.load(weights, layer)  # type: ignore[operator]  # ModuleList forgets that these are Blocks


class Top(nn.Module):
    """The trained blocks and the head: tokens of the trunk [n, t, 384] to logits [n, classes] and more."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block() for _ in range(shape.depth - shape.frozen))
        self.norm = nn.LayerNorm(WIDTH, EPSILON)
        self.middle = nn.LayerNorm(2 * WIDTH, EPSILON)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(4 * WIDTH, shape.classes)
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.head.weight, std=0.01)
        self.shape = shape

    def tokens(self, tokens: Tensor) -> Tensor:
        """Normalised tokens after the last block."""
        for block in self.blocks:
            tokens = block(tokens)
        normed: Tensor = self.norm(tokens)
        return normed

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits [n, classes]."""
        logits: Tensor = self.head(self.dropout(self.features(tokens, self.tokens(tokens))))
        return logits

    def features(self, tokens: Tensor, last: Tensor) -> Tensor:
        """What the head sees, [n, 1536]: the trunk's tokens pooled, and those after the last block."""
        return torch.cat([pooled(last), self.middle(pooled(tokens))], dim=1)

    def load(self, weights: Weights) -> None:
        """Take blocks and norm from the original; the head stays random."""
        for index, block in enumerate(self.blocks):
            block.load(weights, self.shape.frozen + index)  # type: ignore[operator]  # ModuleList forgets its type
        with torch.no_grad():
            self.norm.weight.fill_(1.0)
            self.norm.bias.zero_()


def pooled(tokens: Tensor) -> Tensor:
    """Class token beside the mean of the patches: [n, t, 384] to [n, 768]."""
    return torch.cat([tokens[:, 0], tokens[:, 1:].mean(dim=1)], dim=1)
