"""One `tokenizer.json` for OPUS-MT, against sentencepiece and `vocab.json` themselves. Needs no torch."""
# ruff: noqa: RUF001 - marks of many scripts are what is tested

import json
import random

import pytest
import sentencepiece

from edge.errors import ExportError
from edge.inference.tokenization import JointPieces

ODD = [
    "", "   ", "a", "😀 hi 😀", "tab\there", "line\nbreak", "https://example.com/a?b=c&d=é#x", "Привет мир",
    "你好，世界。", "“curly” ‘quotes’ – — …", "e\u0301 decomposed c\u0327", "\ufb01 ligature \uff46\uff55\uff4c\uff4c",
    "x" * 500, "The door " * 50, " lead  and   trail ", "zero\u200bwidth nb\u00a0sp \ufeffbom", "①②③ ½ ™ ℃",
    "12,345.67 €", "한국어 ไทย हिन्दी مرحبا", "ÀÉÎÕÜ", "…...", "ß ü über Straße", "ßß ßü",
    "Where is ß the station?", "ü" * 30,
]  # fmt: skip


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    """Folder with the files of OPUS-MT, as tiny_marian.py writes them."""
    import sys
    from pathlib import Path

    scripts = str(Path(__file__).resolve().parents[2] / "scripts")
    folder = tmp_path_factory.mktemp("opus")
    sys.path.insert(0, scripts)
    try:
        import tiny_marian

        tiny_marian.write_tokenizer(folder)
    finally:
        sys.path.remove(scripts)
    return folder


@pytest.fixture
def maker(scripts_on_path):
    import marian_tokenizer

    return marian_tokenizer


class Reference:
    """What MarianTokenizer does with a text that has no control tokens in it."""

    def __init__(self, folder):
        self.numbers = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        self.pieces = {number: piece for piece, number in self.numbers.items()}
        self.source = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
        self.target = sentencepiece.SentencePieceProcessor(model_file=str(folder / "target.spm"))

    def encode(self, text):
        return [self.numbers.get(piece, self.numbers["<unk>"]) for piece in self.source.encode(text, out_type=str)]

    def decode(self, ids):
        shown = [self.pieces[token] for token in ids if self.pieces[token] not in {"</s>", "<unk>", "<pad>"}]
        return self.target.decode_pieces(shown).replace("\u2581", " ").strip()


@pytest.fixture
def reference(upstream):
    return Reference(upstream)


@pytest.fixture
def ours(upstream, maker, tmp_path):
    numbers = maker.read_vocabulary(upstream)
    (tmp_path / "tokenizer.json").write_text(maker.joint_tokenizer(upstream, numbers, len(numbers)), encoding="utf-8")
    control = [numbers["</s>"], numbers["<pad>"]]
    return JointPieces.load(tmp_path / "tokenizer.json", len(numbers), numbers["<unk>"], control)


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_have_the_ids_of_sentencepiece(ours, reference, text):
    assert ours.encode(text) == reference.encode(text)


def test_random_texts_have_the_ids_of_sentencepiece(ours, reference, scripts_on_path):
    from tiny_marian import PAIRS

    dice = random.Random(3)  # noqa: S311 - texts to try, no secret
    letters = "".join(sum(PAIRS, ())) + "ñ€日本😀“”ﬁ½ \t"
    for _ in range(1500):
        text = "".join(dice.choices(letters, k=dice.randrange(1, 30)))
        assert ours.encode(text) == reference.encode(text), text


def test_random_ids_have_the_text_of_sentencepiece(ours, reference):
    dice = random.Random(5)  # noqa: S311 - ids to try, no secret
    for _ in range(1500):
        ids = dice.choices(range(len(reference.numbers)), k=dice.randrange(20))
        assert ours.decode(ids) == reference.decode(ids), ids


def test_sentences_come_back(ours, reference, scripts_on_path):
    from tiny_marian import PAIRS

    for _, german in PAIRS:
        ids = [reference.numbers[piece] for piece in reference.target.encode(german, out_type=str)]
        assert ours.decode(ids) == german


@pytest.mark.parametrize("typed", ["</s>", "<unk>", "<pad>"])
def test_nobody_can_type_a_control_token(ours, reference, typed):
    ids = ours.encode(f"The door {typed} is open.")
    assert not {reference.numbers["</s>"], reference.numbers["<pad>"]} & set(ids)


def test_pieces_without_a_number_are_unknown(ours, reference):
    left_out = [piece for piece in map(reference.source.id_to_piece, range(3, len(reference.source))) if
                piece not in reference.numbers]  # fmt: skip
    assert left_out, "the tiny model leaves some out"
    for piece in left_out:
        assert reference.numbers["<unk>"] in ours.encode(piece.replace("\u2581", ""))


def test_a_larger_embedding_is_filled_up(upstream, maker, tmp_path, reference):
    numbers = maker.read_vocabulary(upstream)
    (tmp_path / "t.json").write_text(maker.joint_tokenizer(upstream, numbers, len(numbers) + 7), encoding="utf-8")
    wide = JointPieces.load(tmp_path / "t.json", len(numbers) + 7, numbers["<unk>"], [])
    for text in ODD:
        assert wide.encode(text) == reference.encode(text)


SEVERAL = {"<unk>": 0, ">>por<<": 1, ">>spa<<": 2, ">>pt_br<<": 3, ">>zho_Hans<<": 4, "▁a": 5, ">>": 6}


def test_numbers_that_nobody_has_are_never_read(upstream, maker, tmp_path, reference):
    gaps = {piece: 2 * number for piece, number in reference.numbers.items()}
    size = 2 * len(gaps)
    (tmp_path / "t.json").write_text(maker.joint_tokenizer(upstream, gaps, size), encoding="utf-8")
    ours = JointPieces.load(tmp_path / "t.json", size, gaps["<unk>"], [])
    for text in ODD:
        assert ours.encode(text) == [2 * number for number in reference.encode(text)]


class TestLanguages:
    def test_tokens(self, maker):
        assert maker.language_tokens(SEVERAL) == {"por": 1, "spa": 2, "pt_br": 3, "zho_Hans": 4}

    @pytest.mark.parametrize(
        ("target", "token"), [("pt", 1), ("por", 1), ("pt_br", 3), ("spa", 2), ("es", 2), ("zh", 4), ("zho_Hans", 4)]
    )
    def test_a_language_by_any_of_its_codes(self, maker, target, token):
        assert maker.language_prefix(SEVERAL, target) == (token,)

    @pytest.mark.parametrize("target", [None, "fr", "nonsense"])
    def test_the_choice_is_told(self, maker, target):
        with pytest.raises(ExportError, match=r"several languages.*--to: por, pt_br, spa, zho_Hans"):
            maker.language_prefix(SEVERAL, target)

    def test_one_language_needs_no_token(self, maker):
        assert maker.language_prefix({"<unk>": 0, "▁a": 1}, "de") == ()


class TestBadFiles:
    @pytest.fixture
    def folder(self, upstream, tmp_path):
        for file in upstream.iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        return tmp_path

    def test_no_vocabulary(self, maker, folder):
        (folder / "vocab.json").unlink()
        with pytest.raises(ExportError, match=r"has no vocab\.json"):
            maker.read_vocabulary(folder)

    @pytest.mark.parametrize(
        "content", ["{", "[1]", '{"a": 0}', '{"<unk>": -1}', '{"<unk>": 0, "a": 0}', '{"<unk>": 0, "a": "b"}', "null"]
    )
    def test_a_vocabulary_that_is_none(self, maker, folder, content):
        (folder / "vocab.json").write_text(content)
        with pytest.raises(ExportError, match=r"vocab\.json (is no vocabulary|cannot be read)"):
            maker.read_vocabulary(folder)

    def test_no_pieces(self, maker, folder):
        (folder / "source.spm").unlink()
        with pytest.raises(ExportError, match=r"has no source\.spm"):
            maker.joint_tokenizer(folder, {"<unk>": 0}, 1)

    @pytest.mark.parametrize("cut", [10, 1000])
    def test_pieces_that_are_truncated(self, maker, folder, cut):
        (folder / "source.spm").write_bytes((folder / "source.spm").read_bytes()[:-cut])
        with pytest.raises(ExportError, match=r"source\.spm: it is truncated"):
            maker.joint_tokenizer(folder, {"<unk>": 0}, 1)

    def test_an_embedding_that_is_too_small(self, maker, folder):
        with pytest.raises(ExportError, match="numbers 2 pieces, the model has only 1"):
            maker.joint_tokenizer(folder, {"<unk>": 0, "▁a": 1}, 1)

    def test_bpe_is_refused(self, maker, folder):
        from io import BytesIO

        model = BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["the door is open", "the train leaves"]), model_writer=model, model_type="bpe",
            vocab_size=30, minloglevel=2,
        )  # fmt: skip
        (folder / "source.spm").write_bytes(model.getvalue())
        with pytest.raises(ExportError, match="not a unigram model"):
            maker.joint_tokenizer(folder, {"<unk>": 0}, 1)
