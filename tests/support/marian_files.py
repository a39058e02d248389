"""Writes tiny random Marian models (container, shortlist, vocabulary), and decodes them slowly in plain numpy.

Writer and decoder are written from the format and the equations alone and share no code with the recipe.
"""

import gzip
import struct
from dataclasses import dataclass

import numpy as np

FLOAT32, INTGEMM8, INT8 = 0x0404, 0x4101, 0x0101
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6


@dataclass(frozen=True)
class Tiny:
    """Sizes of a model to write."""

    dimension: int = 32
    heads: int = 4
    wide: int = 48
    encoder_layers: int = 2
    decoder_layers: int = 2
    split: bool = False
    seed: int = 0


LETTERS = "etaoinshrdlucmfwypvbgkjqxz"


def pieces(words, *, byte_fallback=False):
    """[(text, score, kind)]: control pieces, letters with and without word mark, words, and bytes if asked."""
    table = [("</s>", 0.0, CONTROL), ("<unk>", 0.0, UNKNOWN)]
    if byte_fallback:
        table += [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
    texts = ["▁", ",", ".", "?", *LETTERS, *("▁" + word for word in words)]
    return table + [(text, -2.0 - 0.125 * number, NORMAL) for number, text in enumerate(texts)]


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, payload):
    if isinstance(payload, bytes):
        return varint(number << 3 | 2) + varint(len(payload)) + payload
    if isinstance(payload, float):
        return varint(number << 3 | 5) + struct.pack("<f", payload)
    return varint(number << 3) + varint(payload)


def spm(table, *, model_type=1, byte_fallback=False, suffix=False):
    """A SentencePiece model file without a normalisation map."""
    data = b"".join(
        field(1, field(1, text.encode()) + field(2, score) + (field(3, kind) if kind != NORMAL else b""))
        for text, score, kind in table
    )
    trainer = field(3, model_type) + field(24, int(suffix)) + field(35, int(byte_fallback)) + field(40, 1)
    trainer += field(41, (1 << 64) - 1) + field(42, 0) + field(43, (1 << 64) - 1)
    normalizer = field(1, b"identity") + field(3, 1) + field(4, 1) + field(5, 1)
    return data + field(2, trainer) + field(3, normalizer)


def shortlist(lists, first=4):
    """A binary shortlist from one sorted list of target ids for each source id."""
    offsets = np.cumsum([0, *map(len, lists)]).astype("<u8")
    ids = np.array([target for targets in lists for target in targets], "<u4")
    header = struct.pack("<6Q", 0xF11A48D5013417F5, 0, first, 50, len(offsets), len(ids))
    return header + offsets.tobytes() + ids.tobytes()


def container(items, config):
    """A binary model file from {name: array}; int8 items are (values, multiplier), Wemb among them untransposed."""
    rows = []
    for name, value in sorted(items.items()):
        if isinstance(value, tuple):
            values, multiplier = value
            stored = values if name.endswith("Wemb") else values.T
            blob = np.ascontiguousarray(stored, np.int8).tobytes() + struct.pack("<f", multiplier)
            rows.append((name, INTGEMM8, values.shape, padded(blob)))
        else:
            vector = np.asarray(value, "<f4").reshape(1, -1)
            rows.append((name, FLOAT32, vector.shape, padded(vector.tobytes())))
    text = yaml(config).encode() + b"\0"
    rows.append(("special:model.yml", INT8, (len(text),), text))
    data = struct.pack("<2Q", 1, len(rows))
    for name, kind, shape, blob in rows:
        data += struct.pack("<4Q", len(name) + 1, kind, len(shape), len(blob))
    data += b"".join(name.encode() + b"\0" for name, *_ in rows)
    data += b"".join(struct.pack(f"<{len(shape)}i", *shape) for _, _, shape, _ in rows)
    gap = -(len(data) + 8) % 256
    return data + struct.pack("<Q", gap) + b"\0" * gap + b"".join(blob for *_, blob in rows)


def padded(blob):
    return blob + b"\0" * (-len(blob) % 256)


def yaml(config):
    lines = []
    for key, value in config.items():
        if isinstance(value, list):
            lines.append(f"{key}:" + ("" if value else " []"))
            lines += [f"  - {entry}" for entry in value]
        else:
            shown = (
                {True: "true", False: "false", "": '""'}.get(value, value)
                if not isinstance(value, int) or isinstance(value, bool)
                else value
            )
            lines.append(f"{key}: {shown}")
    return "\n".join(lines) + "\n"


def random_items(tiny, source_size, target_size):  # noqa: C901 - one list of Marian's names, in order
    """Random weights under the names that Marian uses; alphas as Mozilla's conversion leaves them."""
    random = np.random.default_rng(tiny.seed)
    size, wide = tiny.dimension, tiny.wide
    items = {}

    def matrix(name, inputs, outputs, spread=1.0):
        values = random.integers(-127, 128, (inputs, outputs)).astype(np.int8)
        items[name] = (values, np.float32(127 / spread))
        if not name.endswith("Wemb"):
            items[f"{name}_QuantMultA"] = np.array([10.0])

    def vector(name, count, mean=0.0):
        items[name] = mean + 0.3 * random.standard_normal(count)

    def attention(prefix):
        for kind in "qkvo":
            matrix(f"{prefix}_W{kind}", size, size, 0.6)
            vector(f"{prefix}_b{kind}", size)
        norm(f"{prefix}_Wo")

    def norm(prefix):
        vector(f"{prefix}_ln_scale", size, 1.0)
        vector(f"{prefix}_ln_bias", size)

    def feed_forward(prefix):
        matrix(f"{prefix}_ffn_W1", size, wide, 0.6)
        matrix(f"{prefix}_ffn_W2", wide, size, 0.6)
        vector(f"{prefix}_ffn_b1", wide)
        vector(f"{prefix}_ffn_b2", size)
        norm(f"{prefix}_ffn_ffn")

    if tiny.split:
        matrix("encoder_Wemb", source_size, size)
        matrix("decoder_Wemb", target_size, size)
    else:
        matrix("Wemb", source_size, size)
        items["Wemb_QuantMultA"] = (np.array([[127]], np.int8), np.float32(14.5))
        items["none_QuantMultA"] = np.array([127 / 14.5])
    vector("decoder_ff_logit_out_b", target_size)
    for layer in range(1, tiny.encoder_layers + 1):
        attention(f"encoder_l{layer}_self")
        feed_forward(f"encoder_l{layer}")
    for layer in range(1, tiny.decoder_layers + 1):
        matrix(f"decoder_l{layer}_rnn_W", size, size, 0.6)
        matrix(f"decoder_l{layer}_rnn_Wf", size, size, 0.6)
        vector(f"decoder_l{layer}_rnn_bf", size)
        norm(f"decoder_l{layer}_rnn_ffn")
        attention(f"decoder_l{layer}_context")
        feed_forward(f"decoder_l{layer}")
    return items


def config(tiny, source_size, target_size, **changes):
    tree = {
        "dec-cell": "ssru",
        "dec-cell-base-depth": 2,
        "dec-cell-high-depth": 1,
        "dec-depth": tiny.decoder_layers,
        "dim-emb": tiny.dimension,
        "dim-vocabs": [source_size, target_size],
        "enc-depth": tiny.encoder_layers,
        "input-types": [],
        "tied-embeddings": tiny.split,
        "tied-embeddings-all": not tiny.split,
        "tied-embeddings-src": False,
        "transformer-decoder-autoreg": "rnn",
        "transformer-dim-ffn": tiny.wide,
        "transformer-ffn-activation": "relu",
        "transformer-ffn-depth": 2,
        "transformer-heads": tiny.heads,
        "transformer-postprocess": "dan",
        "transformer-postprocess-emb": "d",
        "transformer-postprocess-top": "",
        "transformer-preprocess": "",
        "type": "transformer",
        "version": "v1.9.56 94aeaa46 2021-04-28 00:28:35 +0100",
    }
    return {**tree, **changes}


@dataclass
class Upstream:
    """What was written: files by name, and the same things in memory for the reference decoder."""

    files: dict
    tiny: Tiny
    items: dict
    lists: list
    tables: list


def write_files(folder, tiny=None, *, packed=False, byte_fallback=False, **changes):
    """Write model, shortlist and vocabularies of a random model from `folder`; `packed`: as gzip files."""
    tiny = tiny or Tiny()
    tables = [pieces(["one", "two", "three", "four"], byte_fallback=byte_fallback)]
    if tiny.split:
        tables.append(pieces(["um", "dois", "tres", "quatro", "cinco"], byte_fallback=byte_fallback))
    sizes = len(tables[0]), len(tables[-1])
    items = random_items(tiny, *sizes)
    random = np.random.default_rng(tiny.seed + 1)
    lists = [sorted(random.choice(sizes[1], random.integers(0, 6), replace=False).tolist()) for _ in range(sizes[0])]
    contents = {
        "model.xxyy.intgemm.alphas.bin": container(items, config(tiny, *sizes, **changes)),
        "lex.50.50.xxyy.s2t.bin": shortlist(lists),
    }
    names = ["srcvocab.xxyy.spm", "trgvocab.xxyy.spm"] if tiny.split else ["vocab.xxyy.spm"]
    contents |= {name: spm(table, byte_fallback=byte_fallback) for name, table in zip(names, tables, strict=True)}
    files = {}
    for name, data in contents.items():
        stored = f"{name}.gz" if packed else name
        (folder / stored).write_bytes(gzip.compress(data, mtime=0) if packed else data)
        files[stored] = folder / stored
    return Upstream(files, tiny, items, lists, tables)


class Reference:
    """Greedy decoding in float64, one equation after the other."""

    def __init__(self, upstream):
        self.tiny = upstream.tiny
        self.lists = upstream.lists
        self.shared_files = not upstream.tiny.split
        self.weights = {
            name: np.asarray(value[0], np.float64) / np.float64(value[1])
            if isinstance(value, tuple)
            else np.asarray(value, np.float32).astype(np.float64)
            for name, value in upstream.items.items()
        }
        self.source = self.weights["encoder_Wemb" if self.tiny.split else "Wemb"]
        self.target = self.weights["decoder_Wemb" if self.tiny.split else "Wemb"]

    def candidates(self, ids, first=4):
        allowed = set(range(first))
        for token in ids:
            allowed.update(self.lists[token])
            if self.shared_files:
                allowed.add(token)
        return sorted(allowed)

    def position(self, at):
        half = self.tiny.dimension // 2
        rates = [np.exp(-k * np.log(10000) / (half - 1)) for k in range(half)]
        return np.array([np.sin(at * rate) for rate in rates] + [np.cos(at * rate) for rate in rates])

    def norm(self, x, prefix):
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        scaled = (x - mean) / np.sqrt(variance + 1e-9)
        return self.weights[f"{prefix}_ln_scale"] * scaled + self.weights[f"{prefix}_ln_bias"]

    def attention(self, prefix, queries, memory):
        size = self.tiny.dimension // self.tiny.heads
        q = queries @ self.weights[f"{prefix}_Wq"] + self.weights[f"{prefix}_bq"]
        k = memory @ self.weights[f"{prefix}_Wk"] + self.weights[f"{prefix}_bk"]
        v = memory @ self.weights[f"{prefix}_Wv"] + self.weights[f"{prefix}_bv"]
        outs = []
        for head in range(self.tiny.heads):
            part = slice(head * size, (head + 1) * size)
            scores = q[:, part] @ k[:, part].T / np.sqrt(size)
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            outs.append(weights / weights.sum(-1, keepdims=True) @ v[:, part])
        return np.concatenate(outs, axis=1) @ self.weights[f"{prefix}_Wo"] + self.weights[f"{prefix}_bo"]

    def feed_forward(self, prefix, x):
        inner = np.maximum(x @ self.weights[f"{prefix}_ffn_W1"] + self.weights[f"{prefix}_ffn_b1"], 0)
        outer = inner @ self.weights[f"{prefix}_ffn_W2"] + self.weights[f"{prefix}_ffn_b2"]
        return self.norm(x + outer, f"{prefix}_ffn_ffn")

    def encode(self, ids):
        x = np.stack([self.source[t] * np.sqrt(self.tiny.dimension) + self.position(p) for p, t in enumerate(ids)])
        for layer in range(1, self.tiny.encoder_layers + 1):
            prefix = f"encoder_l{layer}_self"
            x = self.norm(x + self.attention(prefix, x, x), f"{prefix}_Wo")
            x = self.feed_forward(f"encoder_l{layer}", x)
        return x

    def translate(self, ids, limit):
        """Target ids with the end token, and the smallest lead of a chosen token over the next best."""
        memory, allowed = self.encode(ids), self.candidates(ids)
        cells = [np.zeros(self.tiny.dimension) for _ in range(self.tiny.decoder_layers)]
        embedded, written, lead = np.zeros(self.tiny.dimension), [], np.inf
        for step in range(limit):
            x = (embedded + self.position(step))[None]
            for layer in range(1, self.tiny.decoder_layers + 1):
                x, cells[layer - 1] = self.recurrence(f"decoder_l{layer}_rnn", x, cells[layer - 1])
                prefix = f"decoder_l{layer}_context"
                x = self.norm(x + self.attention(prefix, x, memory), f"{prefix}_Wo")
                x = self.feed_forward(f"decoder_l{layer}", x)
            logits = self.target[allowed] @ x[0] + self.weights["decoder_ff_logit_out_b"][allowed]
            logits[allowed.index(1)] = -np.inf
            best = int(np.argmax(logits))
            lead = min(lead, logits[best] - np.partition(logits, -2)[-2])
            written.append(allowed[best])
            if written[-1] == 0:
                break
            embedded = self.target[written[-1]] * np.sqrt(self.tiny.dimension)
        return written, lead

    def recurrence(self, prefix, x, cell):
        gate = 1 / (1 + np.exp(-(x[0] @ self.weights[f"{prefix}_Wf"] + self.weights[f"{prefix}_bf"])))
        cell = gate * cell + (1 - gate) * (x[0] @ self.weights[f"{prefix}_W"])
        return self.norm(x + np.maximum(cell, 0), f"{prefix}_ffn"), cell
