"""Tiny random Whisper models in CTranslate2's file format, and the Whisper equations in plain numpy beside them."""

import json
import math
import struct
from pathlib import Path

import numpy as np

DTYPES = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}
WIDTH, HEADS, LAYERS, MELS, AUDIO, TEXT = 128, 2, 2, 8, 60, 48
SPECIALS = [
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|pt|>",
    "<|zh|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nocaptions|>",
    "<|notimestamps|>",
]
FIRST_SPECIAL = 256
ROWS = FIRST_SPECIAL + len(SPECIALS) + 1501


def special(name):
    return FIRST_SPECIAL + SPECIALS.index(f"<|{name}|>")


def byte_characters():
    """The 256 printable characters by which GPT-2 writes bytes, in byte order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def tokenizer():
    vocabulary = {character: number for number, character in enumerate(byte_characters())}
    added = [
        {
            "id": FIRST_SPECIAL + number,
            "content": content,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for number, content in enumerate(SPECIALS)
    ]
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": bytes_,
        "post_processor": None,
        "decoder": bytes_,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "vocab": vocabulary,
            "merges": [],
        },
    }


def random_variables(seed=0, layers=LAYERS, width=WIDTH):
    """Name to array, as CTranslate2 names them; the key biases are zero, as in every real model."""
    rng = np.random.default_rng(seed)

    def matrix(*shape):
        return (rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float16)

    variables = {}

    def linear(name, rows, columns, zero=slice(0, 0)):
        variables[f"{name}/weight"] = matrix(rows, columns)
        bias = (rng.standard_normal(rows) * 0.1).astype(np.float16)
        bias[zero] = 0
        variables[f"{name}/bias"] = bias

    def norm(name):
        variables[f"{name}/gamma"] = (1 + 0.1 * rng.standard_normal(width)).astype(np.float16)
        variables[f"{name}/beta"] = (0.1 * rng.standard_normal(width)).astype(np.float16)

    for side in ("encoder", "decoder"):
        variables[f"{side}/num_heads"] = np.array(HEADS, np.int16)
        for layer in range(layers):
            name = f"{side}/layer_{layer}"
            norm(f"{name}/self_attention/layer_norm")
            linear(f"{name}/self_attention/linear_0", 3 * width, width, slice(width, 2 * width))
            linear(f"{name}/self_attention/linear_1", width, width)
            if side == "decoder":
                norm(f"{name}/attention/layer_norm")
                linear(f"{name}/attention/linear_0", width, width)
                linear(f"{name}/attention/linear_1", 2 * width, width, slice(0, width))
                linear(f"{name}/attention/linear_2", width, width)
            norm(f"{name}/ffn/layer_norm")
            linear(f"{name}/ffn/linear_0", 4 * width, width)
            linear(f"{name}/ffn/linear_1", width, 4 * width)
        norm(f"{side}/layer_norm")
    variables["encoder/conv1/weight"] = matrix(width, MELS, 3)
    variables["encoder/conv1/bias"] = matrix(1, width)[0]
    variables["encoder/conv2/weight"] = matrix(width, width, 3)
    variables["encoder/conv2/bias"] = matrix(1, width)[0]
    variables["encoder/position_encodings/encodings"] = matrix(AUDIO, width)
    variables["decoder/position_encodings/encodings"] = matrix(TEXT, width)
    variables["decoder/embeddings/weight"] = matrix(ROWS, width)
    variables["decoder/activation"] = np.array(3, np.int8)
    return variables


def packed(variables, version=6, specification="WhisperSpec", aliases=()):
    """The bytes of a `model.bin`."""

    def string(text):
        data = text.encode() + b"\0"
        return struct.pack("<H", len(data)) + data

    out = [struct.pack("<I", version), string(specification), struct.pack("<II", 3, len(variables))]
    for name, array in variables.items():
        out += [string(name), struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)]
        out += [struct.pack("<BI", DTYPES[array.dtype.name], array.nbytes), array.tobytes()]
    out.append(struct.pack("<I", len(aliases)))
    out += [string(alias) + string(target) for alias, target in aliases]
    return b"".join(out)


def write_files(folder: Path, variables=None, parts=1):
    """Upstream files as the recipe gets them: name to path."""
    data = packed(
        random_variables() if variables is None else variables,
        aliases=[("decoder/projection/weight", "decoder/embeddings/weight")],
    )
    config = {"suppress_ids": [3, 1, 2], "suppress_ids_begin": [32, special("endoftext")], "lang_ids": []}
    contents = {"config.json": json.dumps(config).encode(), "tokenizer.json": json.dumps(tokenizer()).encode()}
    size = -(-len(data) // parts)
    for part in range(parts):
        name = "model.bin" if parts == 1 else f"model.bin.part{part + 1}"
        contents[name] = data[part * size : (part + 1) * size]
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in contents}


class Reference:
    """Whisper in float64, written from the paper, one equation a line; no past, no batch."""

    def __init__(self, variables):
        self.w = {name: np.asarray(array, np.float64) for name, array in variables.items()}

    def linear(self, name, x):
        return x @ self.w[f"{name}/weight"].T + self.w[f"{name}/bias"]

    def norm(self, name, x):
        centred = x - x.mean(-1, keepdims=True)
        return (
            centred / np.sqrt(centred.var(-1, keepdims=True) + 1e-5) * self.w[f"{name}/gamma"] + self.w[f"{name}/beta"]
        )

    @staticmethod
    def gelu(x):
        return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))

    @staticmethod
    def attention(query, key, value, bias=0.0):
        mixed = []
        for q, k, v in zip(*(np.split(part, HEADS, axis=-1) for part in (query, key, value)), strict=True):
            scores = np.exp(q @ k.T / math.sqrt(q.shape[-1]) + bias)
            mixed.append(scores / scores.sum(-1, keepdims=True) @ v)
        return np.concatenate(mixed, axis=-1)

    def convolution(self, name, x, stride):
        weight, wide = self.w[f"{name}/weight"], np.pad(x, ((0, 0), (1, 1)))
        columns = [
            np.tensordot(weight, wide[:, at : at + 3], axes=([1, 2], [0, 1])) for at in range(0, x.shape[1], stride)
        ]
        return self.gelu(np.array(columns).T + self.w[f"{name}/bias"][:, None])

    def feed_forward(self, name, x):
        hidden = self.gelu(self.linear(f"{name}/ffn/linear_0", self.norm(f"{name}/ffn/layer_norm", x)))
        return x + self.linear(f"{name}/ffn/linear_1", hidden)

    def self_attention(self, name, x, bias=0.0):
        name = f"{name}/self_attention"
        parts = np.split(self.linear(f"{name}/linear_0", self.norm(f"{name}/layer_norm", x)), 3, axis=-1)
        return x + self.linear(f"{name}/linear_1", self.attention(*parts, bias))

    def encode(self, mel):
        """[mels, frames] to [frames / 2, width]."""
        x = self.convolution("encoder/conv2", self.convolution("encoder/conv1", mel, 1), 2).T
        x = x + self.w["encoder/position_encodings/encodings"][: len(x)]
        for layer in range(LAYERS):
            name = f"encoder/layer_{layer}"
            x = self.feed_forward(name, self.self_attention(name, x))
        return self.norm("encoder/layer_norm", x)

    def cross(self, encoded, layer):
        """Keys and values [positions, width] of a decoder layer."""
        return np.split(self.linear(f"decoder/layer_{layer}/attention/linear_1", encoded), 2, axis=-1)

    def decode(self, tokens, cross, bias=0.0):
        """Logits [tokens, rows]; `cross` is one (keys, values) per layer."""
        table = self.w["decoder/embeddings/weight"]
        x = table[tokens] + self.w["decoder/position_encodings/encodings"][: len(tokens)]
        causal = np.triu(np.full((len(tokens), len(tokens)), -np.inf), 1)
        for layer in range(LAYERS):
            name = f"decoder/layer_{layer}"
            x = self.self_attention(name, x, causal)
            query = self.linear(f"{name}/attention/linear_0", self.norm(f"{name}/attention/layer_norm", x))
            x = x + self.linear(f"{name}/attention/linear_2", self.attention(query, *cross[layer], bias))
            x = self.feed_forward(name, x)
        return self.norm("decoder/layer_norm", x) @ table.T
