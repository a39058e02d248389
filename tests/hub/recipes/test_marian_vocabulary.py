import json

import marian_files
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import RecipeError
from edge.hub.recipes.marian_vocabulary import read_pieces, read_vocabulary, tokenizer_json
from edge.inference.tokenization import SentencePieces

ODD = [
    "",
    " ",
    "   ",
    "a",
    " two  words ",
    "tab\there",
    "emoji 😀 here",
    "ünïcode",
    "你好",
    "x" * 300,
    "</s>",
    "<unk>",
    "a.b,c?",
]
WORDS = ["one", "two", "three", "there", "another"]


def pair(data, tmp_path):
    """Our tokenizer and sentencepiece itself over the same file."""
    (tmp_path / "v.spm").write_bytes(data)
    file = tmp_path / "tokenizer.json"
    file.write_text(tokenizer_json(read_vocabulary(data, "v.spm")), encoding="utf-8")
    return SentencePieces.load(file), sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "v.spm"))


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "byte fallback"])
def both(request, tmp_path_factory):
    table = marian_files.pieces(WORDS, byte_fallback=request.param)
    data = marian_files.spm(table, byte_fallback=request.param)
    return pair(data, tmp_path_factory.mktemp("vocabulary"))


@pytest.mark.parametrize("text", ODD)
def test_encode_equals_sentencepiece_on_odd_text(both, text):
    ours, theirs = both
    assert ours.encode(text) == theirs.encode(text)


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="onetwhrait ,.?é😀", max_size=40))
def test_encode_equals_sentencepiece_on_random_text(both, text):
    ours, theirs = both
    assert ours.encode(text) == theirs.encode(text)


def test_decode_gives_the_text_back(both):
    ours, _ = both
    assert ours.decode(ours.encode("one two, three there.")) == "one two, three there."


def test_byte_pieces_decode_to_the_character(tmp_path):
    table = marian_files.pieces(WORDS, byte_fallback=True)
    ours, theirs = pair(marian_files.spm(table, byte_fallback=True), tmp_path)
    ids = ours.encode("a 😀")
    assert 1 not in ids
    assert ours.decode(ids) == theirs.decode(ids) == "a 😀"


def test_special_tokens_are_not_decoded(both):
    ours, _ = both
    assert ours.decode([0, 1, *ours.encode("one"), 0]) == "one"


def test_user_defined_pieces_are_kept_whole(tmp_path):
    table = [*marian_files.pieces(WORDS), ("__tag__", 0.0, 4)]
    ours, theirs = pair(marian_files.spm(table), tmp_path)
    assert ours.encode("one __tag__ two") == theirs.encode("one __tag__ two")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [({"model_type": 2}, "unigram"), ({"suffix": True}, "unigram")],
)
def test_other_kinds_of_vocabulary_are_refused(arguments, named):
    with pytest.raises(RecipeError, match=named):
        read_vocabulary(marian_files.spm(marian_files.pieces(WORDS), **arguments), "v.spm")


def test_a_vocabulary_without_end_token_first_is_refused():
    table = marian_files.pieces(WORDS)
    with pytest.raises(RecipeError, match="</s>"):
        read_vocabulary(marian_files.spm(table[2:]), "v.spm")


@pytest.mark.parametrize("data", [b"", b"\xff" * 20, b"\x0a\x7fshort", b"{json}"])
def test_what_is_no_vocabulary_is_refused(data):
    with pytest.raises(RecipeError, match=r"v\.spm"):
        read_vocabulary(data, "v.spm")


def test_pieces_are_stored_with_their_scores():
    tree = json.loads(tokenizer_json(read_vocabulary(marian_files.spm(marian_files.pieces(WORDS)), "v.spm")))
    assert tree["model"]["vocab"][0] == [" </s>", 0.0]
    assert ["▁two", pytest.approx(-2.0 - 0.125 * 31)] in tree["model"]["vocab"]
    assert tree["model"]["unk_id"] == 1


def test_opus_puts_other_pieces_first():
    """Unknown, begin, end: what sentencepiece writes if it is not told otherwise."""
    first = [
        ("<unk>", 0.0, marian_files.UNKNOWN),
        ("<s>", 0.0, marian_files.CONTROL),
        ("</s>", 0.0, marian_files.CONTROL),
    ]
    table = [*first, *marian_files.pieces(["one"])[2:]]
    data = marian_files.spm(table)
    found = read_pieces(data, "source.spm")
    assert [(text, kind) for text, _, kind in found.pieces] == [(text, kind) for text, _, kind in table]
    with pytest.raises(RecipeError, match="first two pieces"):
        read_vocabulary(data, "source.spm")
