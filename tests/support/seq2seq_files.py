"""Writes a made translation model that is known by heart: it gives the translation of the word at each position.

Encoder and merged decoder have the inputs and outputs of Hugging Face's exports. The decoder takes the position from
the length of its cache and the words from the cross-attention's cache, so that a cache that is lost, mixed up or not
carried on gives other words.
"""

import json

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from edge.hub.recipes.marian_vocabulary import Vocabulary, to_json, tokenizer_tree

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
WORDS = {"▁good": "▁guten", "▁day": "▁tag", "▁red": "▁rotes", "▁car": "▁auto", "▁go": "▁geh", ".": ".", "ing": "end"}
LETTERS = "▁adegor"
END, UNKNOWN = 0, 1
SPARE = ("▁zebra",)
"""Read as one piece, but without a number in the model."""


def pieces():
    """Piece -> id: controls, source words, target words, letters, a language, padding last."""
    texts = ["</s>", "<unk>", *WORDS, *WORDS.values(), *LETTERS, ">>deu<<", "<pad>"]
    return {text: number for number, text in enumerate(dict.fromkeys(texts))}


def tokenizer_text():
    known = pieces()
    read = {*WORDS, *LETTERS}
    rows = [(text, -3.0 - 0.1 * number) if text in read else (" " + text, 0.0) for text, number in known.items()]
    tree = tokenizer_tree(Vocabulary([], b"", byte_fallback=False), rows + [(text, -2.0) for text in SPARE], UNKNOWN)
    tree["decoder"]["decoders"].insert(0, {"type": "Replace", "pattern": {"Regex": "^ "}, "content": ""})
    return to_json(tree)


def translations(changes=None):
    """float32 [vocabulary, vocabulary]: a one at the translation of every piece, 0.4 at the next piece."""
    known = pieces()
    table = np.zeros((len(known), len(known)), np.float32)
    for text, number in known.items():
        chosen = (changes or {}).get(text, WORDS.get(text, text))
        table[number, known[chosen]] = 1.0
        table[number, (known[chosen] + 1) % len(known)] += 0.4
    return table


def write_model(folder, *, layers=2, changes=None, **description):
    """Write the folder; `changes`: other translations of pieces; `description`: other values in model.json."""
    size = len(pieces())
    content = {
        "format": 2, "family": "marian", "source": "en", "target": "de", "layers": layers, "heads": 1,
        "head_size": size, "vocabulary": size, "max_positions": 64, "start_token": size - 1, "end_token": END,
        "pad_token": size - 1, "unknown_token": UNKNOWN, "forbidden": [size - 1],
        "graphs": {"encoder": "encoder_model.onnx", "decoder": "decoder_model_merged.onnx"},
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(json.dumps(content | description), encoding="utf-8")
    (folder / "tokenizer.json").write_text(tokenizer_text(), encoding="utf-8")
    (folder / "encoder_model.onnx").write_bytes(encoder(size).SerializeToString())
    (folder / "decoder_model_merged.onnx").write_bytes(decoder(translations(changes), layers).SerializeToString())
    return folder


def encoder(size):
    """A one at the number of every token; the rest of the graph only keeps the mask in use."""
    nodes = [
        helper.make_node("Gather", ["rows", "input_ids"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["seen"], to=FLOAT),
        helper.make_node("Unsqueeze", ["seen", "last"], ["column"]),
        helper.make_node("Mul", ["words", "column"], ["last_hidden_state"]),
    ]
    inputs = [value("input_ids", INT64, ["b", "n"]), value("attention_mask", INT64, ["b", "n"])]
    outputs = [value("last_hidden_state", FLOAT, ["b", "n", size])]
    return model(nodes, inputs, outputs, {"rows": np.eye(size, dtype=np.float32), "last": np.array([-1])})


def decoder(table, layers, *, stated=True):
    """`table`: logits of the translation of every word; `stated`: the graph says how many there are."""
    size = len(table)
    cache = [f"{layer}.{side}.{part}" for layer in range(layers) for side, part in CACHED]
    past = [value(f"past_key_values.{name}", FLOAT, ["b", 1, f"past {name[2:9]}", size]) for name in cache]
    inputs = [
        value("encoder_attention_mask", INT64, ["b", "n"]),
        value("input_ids", INT64, ["b", "m"]),
        value("encoder_hidden_states", FLOAT, ["b", "n", size]),
        *past,
        value("use_cache_branch", BOOL, [1]),
    ]
    outputs = [value("logits", FLOAT, ["b", "m", table.shape[1] if stated else "words"])]
    outputs += [value(f"present.{name}", FLOAT, ["b", 1, f"now {name[2:9]}", size]) for name in cache]
    names = [each.name for each in outputs]
    node = helper.make_node(
        "If",
        ["use_cache_branch"],
        names,
        then_branch=branch(cache, cached=True),
        else_branch=branch(cache, cached=False),
    )
    constants = {
        "rows": np.eye(size, dtype=np.float32), "table": 10 * table, "one": np.array([1]), "zero": np.array([0]),
        "two": np.array([2]), "three": np.array([3]),
    }  # fmt: skip
    return model([node], inputs, outputs, constants)


CACHED = (("decoder", "key"), ("decoder", "value"), ("encoder", "key"), ("encoder", "value"))


def branch(cache, *, cached):
    """One branch of the merged decoder; `cached`: words come from the last layer's cache of the sentence."""
    tag = "then" if cached else "else"
    nodes = [
        helper.make_node("Gather", ["rows", "input_ids"], [f"{tag} written"]),
        helper.make_node("Unsqueeze", [f"{tag} written", "one"], [f"{tag} own"]),
        helper.make_node("Unsqueeze", ["encoder_hidden_states", "one"], [f"{tag} read"]),
    ]
    outs = {}
    for name in cache:
        outs[name] = f"{tag} present.{name}"
        past, sides = f"past_key_values.{name}", name.split(".")[1]
        if sides == "decoder":
            nodes.append(helper.make_node("Concat", [past, f"{tag} own"], [outs[name]], axis=2))
        else:
            nodes.append(helper.make_node("Identity", [past if cached else f"{tag} read"], [outs[name]]))
    words = outs[[name for name in cache if name.endswith("encoder.value")][-1]]
    length = [name for name in cache if name.endswith("decoder.key")][-1]
    nodes += [
        helper.make_node("Shape", [f"past_key_values.{length}"], [f"{tag} past"], start=2, end=3),
        helper.make_node("Shape", [words], [f"{tag} words"], start=2, end=3),
        helper.make_node("Sub", [f"{tag} words", "one"], [f"{tag} most"]),
        helper.make_node("Min", [f"{tag} past", f"{tag} most"], [f"{tag} at"]),
        helper.make_node("Gather", [words, f"{tag} at"], [f"{tag} word"], axis=2),
        helper.make_node("Squeeze", [f"{tag} word", "one"], [f"{tag} row"]),
        helper.make_node("MatMul", [f"{tag} row", "table"], [f"{tag} logits"]),
    ]
    outputs = [helper.make_tensor_value_info(f"{tag} logits", FLOAT, None)]
    outputs += [helper.make_tensor_value_info(outs[name], FLOAT, None) for name in cache]
    return helper.make_graph(nodes, tag, [], outputs)


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, outputs, constants):
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
