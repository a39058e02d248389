"""`model.json` of the models that users bring: what a family needs to run, and nothing of how it was made.

Written by `scripts/export.py` (precision `fp32`) and `scripts/quantize.py`; read by the perception classes. Graphs and
`tokenizer.json` lie beside it. Names of graphs, inputs and outputs are those of Hugging Face's ONNX exports.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from edge.errors import ModelCorruptError, ModelNotFoundError

DESCRIPTION_FILE = "model.json"

Precision = Literal["fp32", "fp16", "int8", "q8", "q4"]
"""`int8`: weights and activations; `q8`, `q4`: weights only."""


class _Description(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    format: Literal[2] = 2
    precision: Precision = "fp32"
    graphs: dict[str, str]
    """Role of a graph (`model`, `encoder`, `decoder`, `image`, `text`) to its file name."""


class Preprocessing(BaseModel):
    """From a picture to the network's input, as the model's own processor does it (Pillow's resampling)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    fit: Literal["squash", "cover", "bound"]
    """`squash`: to `height` x `width`, whatever the shape (or to `squashed`, then the middle is cut out); `cover`: the
    shortest side to `shortest`, then the middle `height` x `width` is cut out; `bound`: shape kept, the shortest side
    to `shortest` unless the longest would exceed `longest` (then the input has a dynamic size)."""
    height: int | None = None
    width: int | None = None
    squashed: tuple[int, int] | None = None
    """Height and width, both at least those of the input."""
    shortest: int | None = None
    longest: int | None = None
    multiple: int = Field(default=1, ge=1)
    """`bound`: sides are rounded down to multiples of this."""
    resample: Literal["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"] = "bilinear"
    scale: float = 1 / 255
    """Multiplies the bytes."""
    mean: tuple[float, float, float] | None = None
    """Of the channels in the network's order, subtracted after scaling; None: not normalised."""
    std: tuple[float, float, float] | None = None
    channels: Literal["rgb", "bgr"] = "rgb"
    """Order in which the network wants the colours."""

    @model_validator(mode="after")
    def _check(self) -> Preprocessing:
        needed = {"squash": ("height", "width"), "cover": ("height", "width", "shortest"), "bound": ("shortest",)}
        for name in needed[self.fit]:
            if (getattr(self, name) or 0) < 1:
                raise ValueError(f"fit {self.fit} needs {name}")
        return self


class Seq2SeqDescription(_Description):
    """A translation model with an encoder and a decoder with cache (Marian, OPUS-MT).

    Graph `encoder`: `input_ids`, `attention_mask` int64 [batch, n] -> `last_hidden_state`. Graph `decoder` (merged):
    `input_ids` int64 [batch, m], `encoder_attention_mask`, `encoder_hidden_states`,
    `past_key_values.{layer}.{decoder,encoder}.{key,value}` float32 [batch, heads, past, size], `use_cache_branch`
    bool [1] -> `logits`, `present.{layer}...`.
    """

    family: Literal["marian"] = "marian"
    source: str
    """Language code read."""
    target: str
    """Language code written."""
    tokenizer: str = "tokenizer.json"
    layers: int
    heads: int
    head_size: int
    vocabulary: int
    max_positions: int
    start_token: int
    end_token: int
    pad_token: int
    unknown_token: int
    prefix: tuple[int, ...] = ()
    """Tokens before every source sentence: `>>por<<` where one model writes several languages."""
    forbidden: tuple[int, ...] = ()
    """Tokens never written."""
    forced_end: bool = False
    """Whether the last possible token is the end token in any case."""


class ClassifierDescription(_Description):
    """An image classifier (ViT, DeiT, MobileViT, DINOv2 with a head).

    Graph `model`: `pixel_values` float32 [batch, 3, h, w] -> `logits` float32 [batch, classes].
    """

    family: Literal["classifier"] = "classifier"
    labels: tuple[str, ...]
    """English names in the order of the logits."""
    preprocessing: Preprocessing


class DualEncoderDescription(_Description):
    """A pair of towers that put pictures and words into one space (SigLIP, CLIP).

    Graph `image`: `pixel_values` float32 [batch, 3, h, w] -> `image_embeds` float32 [batch, d]; graph `text`:
    `input_ids` int64 [batch, n] (and `attention_mask`, if `masked`) -> `text_embeds` float32 [batch, d]. Neither is
    normalised to length 1.
    """

    family: Literal["dual-encoder"] = "dual-encoder"
    preprocessing: Preprocessing
    tokenizer: str = "tokenizer.json"
    text_length: int
    """Tokens of a text; longer ones are cut."""
    padded: bool
    """Whether every text is padded to `text_length`."""
    pad_token: int
    end_token: int | None = None
    start_token: int | None = None
    lower_case: bool = False
    masked: bool
    scale: float
    """Multiplies the cosine (already out of the logarithm)."""
    bias: float = 0.0
    activation: Literal["sigmoid", "softmax"]
    template: str = "a photo of {}."
    """What a label is put into before it is encoded."""


class DetectorDescription(_Description):
    """An object detector without anchors or suppression (DETR, YOLOS, RT-DETR, D-FINE).

    Graph `model`: `pixel_values` float32 [1, 3, h, w] (and `pixel_mask` int64 [1, h, w] of ones, if `masked`) ->
    `logits` float32 [1, queries, classes], `pred_boxes` float32 [1, queries, 4]: centre x, centre y, width, height as
    shares of the picture.
    """

    family: Literal["detector"] = "detector"
    labels: tuple[str, ...]
    """English names in the order of the logits; an empty one is no class."""
    preprocessing: Preprocessing
    masked: bool = False
    activation: Literal["sigmoid", "softmax"]
    """`softmax`: the last of the logits stands for nothing, and has no label."""
    threshold: float = 0.5
    """Boxes with a lower score are not shown."""


Description = Seq2SeqDescription | ClassifierDescription | DualEncoderDescription | DetectorDescription
Kind = TypeVar("Kind", Seq2SeqDescription, ClassifierDescription, DualEncoderDescription, DetectorDescription)
_ROLES = {
    "marian": {"encoder", "decoder"},
    "classifier": {"model"},
    "dual-encoder": {"image", "text"},
    "detector": {"model"},
}
_ANY: TypeAdapter[Description] = TypeAdapter(Annotated[Description, Field(discriminator="family")])


def family_of(folder: Path) -> str | None:
    """The family that `model.json` in `folder` names; None where there is no such file, or none is named."""
    try:
        found = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found.get("family") if isinstance(found, dict) else None


def read_description(folder: Path, kind: type[Kind], model_id: str) -> Kind:
    """The description in `folder`, which must be of this kind, and whose graphs must be there.

    Raises:
        ModelNotFoundError: `folder` has none.
        ModelCorruptError: it does not validate, is of another family, or names a file that is missing.
    """
    try:
        content: Any = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        found = _ANY.validate_python(content)
    except FileNotFoundError as error:
        raise ModelNotFoundError(model_id) from error
    except (OSError, ValueError) as error:
        raise ModelCorruptError(model_id, DESCRIPTION_FILE, _first_problem(error)) from error
    if not isinstance(found, kind):
        wanted = kind.model_fields["family"].default
        raise ModelCorruptError(model_id, DESCRIPTION_FILE, f"its family is {found.family}, not {wanted}")
    if set(found.graphs) != _ROLES[found.family]:
        wrong = f"graphs: {', '.join(sorted(found.graphs)) or 'none'}, not {', '.join(sorted(_ROLES[found.family]))}"
        raise ModelCorruptError(model_id, DESCRIPTION_FILE, wrong)
    for name in found.graphs.values():
        if Path(name).name != name or not (folder / name).is_file():
            raise ModelCorruptError(model_id, name, "it is missing")
    return found


def _first_problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error).splitlines()[0]
