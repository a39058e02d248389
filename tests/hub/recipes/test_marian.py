import hashlib
import json

import marian_files
import numpy as np
import pytest
from marian_files import Reference, Tiny, write_files

from edge.errors import RecipeError
from edge.hub.recipes.marian import build
from edge.inference.sessions import SessionFactory
from edge.perception.translation_model import TranslationModel

SHAPES = {
    "tiny, one vocabulary": Tiny(),
    "base-memory, four decoder layers": Tiny(dimension=48, heads=8, wide=64, decoder_layers=4, seed=3),
    "two vocabularies": Tiny(split=True, seed=5),
}
SENTENCES = [[5, 9, 30, 0], [0], [32, 33, 34, 35, 6, 7, 8, 4, 3, 2, 0], [12] * 25 + [0], [1, 10, 0]]


def built(tmp_path, tiny=None, name="out", options=None, **upstream_options):
    folder = tmp_path / f"{name}-upstream"
    folder.mkdir()
    upstream = write_files(folder, tiny, **upstream_options)
    out = tmp_path / name
    out.mkdir()
    build(upstream.files, out, {"source": "xx", "target": "yy", **(options or {})})
    return out, upstream


def run(out, ids, limit):
    (file,) = out.glob("*.onnx")
    feed = {"input_ids": np.array(ids, np.int64), "max_length": np.array(limit, np.int64)}
    return SessionFactory().open(file).run(None, feed)[0].tolist()


@pytest.mark.parametrize("tiny", SHAPES.values(), ids=SHAPES.keys())
def test_float_graph_decodes_as_the_equations_say(tmp_path, tiny):
    out, upstream = built(tmp_path, tiny, options={"precision": "fp32"})
    reference = Reference(upstream)
    for ids in SENTENCES:
        expected, lead = reference.translate(ids, 20)
        assert lead > 1e-4, "the two best tokens are too close to compare; choose another seed"
        assert run(out, ids, 20) == expected


@pytest.mark.parametrize("tiny", SHAPES.values(), ids=SHAPES.keys())
def test_int8_graph_begins_as_the_equations_say_where_they_are_sure(tmp_path, tiny):
    out, upstream = built(tmp_path, tiny)
    reference = Reference(upstream)
    compared = 0
    for first in range(2, 30):
        ids = [first, first + 1, 0]
        expected, lead = reference.translate(ids, 1)
        if lead > 1.0:
            compared += 1
            assert run(out, ids, 1) == expected
    assert compared >= 5


def test_the_shortlist_bounds_what_is_written(tmp_path):
    out, upstream = built(tmp_path)
    reference = Reference(upstream)
    for ids in SENTENCES:
        assert set(run(out, ids, 20)) <= set(reference.candidates(ids)) - {1}


def test_the_limit_counts_tokens(tmp_path):
    out, _ = built(tmp_path, options={"precision": "fp32"})
    assert [len(run(out, SENTENCES[2], limit)) for limit in (1, 2, 3)] == [1, 2, 3]


def test_gzip_files_give_the_same_bytes_as_plain_ones(tmp_path):
    plain, _ = built(tmp_path, name="plain")
    packed, _ = built(tmp_path, name="packed", packed=True)
    again, _ = built(tmp_path, name="again")

    def digests(folder):
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}

    assert digests(plain) == digests(packed) == digests(again)
    assert set(digests(plain)) == {"model_int8.onnx", "tokenizer.json", "model.json"}


def test_two_vocabularies_become_two_tokenizers(tmp_path):
    out, _ = built(tmp_path, Tiny(split=True))
    assert {file.name for file in out.iterdir()} == {
        "model_int8.onnx",
        "tokenizer.json",
        "tokenizer_target.json",
        "model.json",
    }
    description = json.loads((out / "model.json").read_text())
    assert description["target_tokenizer"] == "tokenizer_target.json"
    assert (description["source"], description["target"], description["precision"]) == ("xx", "yy", "int8")


def test_a_built_pack_translates_text(tmp_path):
    out, upstream = built(tmp_path, Tiny(split=True, seed=5), options={"precision": "fp32"})
    model = TranslationModel.load(out, SessionFactory())
    ids = model.encode("one two")
    expected, _ = Reference(upstream).translate([*ids, 0], 6)
    draft = model.generate(ids, 6)
    texts = [upstream.tables[1][token][0] for token in expected if token > 1]
    assert draft.text == "".join(texts).replace("▁", " ").strip()
    assert draft.complete == (expected[-1] == 0)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"dec-cell": "gru"}, "dec-cell"),
        ({"transformer-preprocess": "n"}, "transformer-preprocess"),
        ({"transformer-no-bias": True}, "transformer-no-bias"),
        ({"transformer-heads": 5}, "sizes"),
        ({"dim-emb": "many"}, "dim-emb"),
        ({"dim-vocabs": [10, 10]}, "dim-vocabs"),
        ({"tied-embeddings-all": False}, "not tied"),
        ({"enc-depth": 3}, "encoder_l3_self_W"),
        ({"transformer-dim-ffn": 64}, "ffn_W1"),
    ],
)
def test_unknown_variants_are_refused_by_name(tmp_path, changes, named):
    with pytest.raises(RecipeError, match=named) as caught:
        built(tmp_path, **changes)
    assert "model.xxyy" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["model.", "lex.", "vocab."])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.999])
def test_truncated_files_are_named(tmp_path, prefix, packed, share):
    upstream = write_files(tmp_path, packed=packed)
    (path,) = [file for name, file in upstream.files.items() if name.startswith(prefix)]
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(RecipeError, match=path.name):
        build(upstream.files, out, {"source": "xx", "target": "yy"})


def test_bytes_after_the_end_are_refused(tmp_path):
    upstream = write_files(tmp_path)
    path = upstream.files["model.xxyy.intgemm.alphas.bin"]
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(RecipeError, match="header says"):
        build(upstream.files, tmp_path, {"source": "xx", "target": "yy"})


def test_an_unknown_tensor_type_is_refused(tmp_path):
    upstream = write_files(tmp_path)
    path = upstream.files["model.xxyy.intgemm.alphas.bin"]
    data = path.read_bytes()
    path.write_bytes(data.replace((0x4101).to_bytes(8, "little"), (0x4102).to_bytes(8, "little"), 1))
    with pytest.raises(RecipeError, match="0x4102"):
        build(upstream.files, tmp_path, {"source": "xx", "target": "yy"})


def test_a_shortlist_for_another_vocabulary_is_refused(tmp_path):
    upstream = write_files(tmp_path)
    path = upstream.files["lex.50.50.xxyy.s2t.bin"]
    path.write_bytes(marian_files.shortlist(upstream.lists[:-1]))
    with pytest.raises(RecipeError, match=r"lex.*vocabularies"):
        build(upstream.files, tmp_path, {"source": "xx", "target": "yy"})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"source": "xx"}, "target"),
        ({"source": "xx", "target": "yy", "precision": "int4"}, "int4"),
        ({"source": "xx", "target": "yy", "model_sha256": "0" * 64}, "SHA-256"),
    ],
)
def test_wrong_options_are_refused(tmp_path, options, named):
    upstream = write_files(tmp_path)
    with pytest.raises(RecipeError, match=named):
        build(upstream.files, tmp_path, options)


def test_the_unpacked_model_must_have_the_published_hash(tmp_path):
    upstream = write_files(tmp_path, packed=True)
    unpacked = marian_files.gzip.decompress(upstream.files["model.xxyy.intgemm.alphas.bin.gz"].read_bytes())
    digest = hashlib.sha256(unpacked).hexdigest()
    build(upstream.files, tmp_path, {"source": "xx", "target": "yy", "model_sha256": digest})
    assert (tmp_path / "model_int8.onnx").is_file()


def test_a_missing_or_doubled_file_is_refused(tmp_path):
    files = write_files(tmp_path).files
    without = {name: file for name, file in files.items() if not name.startswith("lex.")}
    with pytest.raises(RecipeError, match=r"lex\.\*"):
        build(without, tmp_path, {"source": "xx", "target": "yy"})
    doubled = {**files, "model.zz.bin": files["model.xxyy.intgemm.alphas.bin"]}
    with pytest.raises(RecipeError, match=r"model\.\*"):
        build(doubled, tmp_path, {"source": "xx", "target": "yy"})
