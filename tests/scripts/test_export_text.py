"""Tokenizers of pairs of towers without torch: marks, padding, what cannot be written, and SigLIP's cleaning."""

from types import SimpleNamespace

import pytest

from edge.errors import ExportError


@pytest.fixture
def text(scripts_on_path):
    import export_text

    return export_text


class Marking:
    """A tokenizer of letters that puts `before` and `behind` around every text."""

    is_fast = True

    def __init__(self, before=(), behind=()):
        self.before, self.behind = list(before), list(behind)

    def __call__(self, words, *, add_special_tokens=True, **_):
        ids = [ord(letter) for letter in words]
        return {"input_ids": [*self.before, *ids, *self.behind] if add_special_tokens else ids}


class TestMarks:
    @pytest.mark.parametrize(
        ("before", "behind", "wanted"),
        [((), (), (None, None)), ((1,), (2,), (1, 2)), ((), (2,), (None, 2)), ((1,), (), (1, None))],
    )
    def test_one_at_each_end_at_most(self, text, before, behind, wanted):
        assert text._marks(Marking(before, behind)) == wanted

    @pytest.mark.parametrize(("before", "behind"), [((1, 2), (3,)), ((), (2, 3))])
    def test_more_are_refused(self, text, before, behind):
        with pytest.raises(ExportError, match="more than one token"):
            text._marks(Marking(before, behind))


class TestSamples:
    def rules(self, text, **changes):
        fields = {
            "length": 5, "pad": 0, "start": 8, "end": 9, "lower_case": False, "masked": False, "size": 10,
            "ids": ((1, 2, 3, 4, 5, 6), (1,), (), (2, 2), (3,)),
        }  # fmt: skip
        return text.TextRules(**{**fields, **changes})

    def test_one_text_a_batch_cut_to_what_the_model_reads(self, text):
        found = list(self.rules(text).samples(padded=False))
        assert [ids for ids, _ in found] == [[[8, 1, 2, 3, 9]], [[8, 1, 9]], [[8, 2, 2, 9]]]
        assert [mask for _, mask in found] == [[[1] * 5], [[1] * 3], [[1] * 4]]

    def test_all_texts_in_one_batch_padded(self, text):
        ((ids, mask),) = self.rules(text, start=None).samples(padded=True)
        assert ids == [[1, 2, 3, 4, 9], [1, 9, 0, 0, 0], [2, 2, 9, 0, 0], [3, 9, 0, 0, 0]]
        assert mask == [[1] * 5, [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 0, 0, 0]]


class TestProof:
    def test_other_ids_than_transformers_are_refused_with_the_text(self, text):
        backend = SimpleNamespace(encode=lambda words, **_: SimpleNamespace(ids=[1, 2]))
        with pytest.raises(ExportError, match=r"reads 'ab' as \[1, 2\], transformers as \[97, 98\]"):
            text._checked(Marking(), backend, "ab", lower_case=False)

    def test_lower_case_is_the_devices(self, text):
        backend = SimpleNamespace(encode=lambda words, **_: SimpleNamespace(ids=[ord(letter) for letter in words]))
        with pytest.raises(ExportError):
            text._checked(Marking(), backend, "AB", lower_case=True)
        assert text._checked(Marking(), backend, "ab", lower_case=True) == (97, 98)

    def test_a_tokenizer_that_is_only_python(self, text):
        with pytest.raises(ExportError, match=r"SimpleNamespace has no tokenizer\.json"):
            text._fast_backend(SimpleNamespace(is_fast=False))


class TestSiglip:
    @pytest.mark.parametrize(
        ("words", "wanted"),
        [
            ("Keys", "\u2581keys"),
            ("  Two \t words ", "\u2581\u2581two\u2581words"),
            ("don't (stop) [now]!", "\u2581dont\u2581stop\u2581now"),
            ("a\u2581b", "\u2581a\u2581b"),
            ("\u00c9t\u00e9", "\u2581\u00e9t\u00e9"),
            ("a - b", "\u2581a\u2581b"),
        ],
    )
    def test_cleaning(self, text, words, wanted):
        assert text._siglip_normalizer(b"", is_lower_case=True).normalize_str(words) == wanted

    def test_capitals_stay_where_they_count(self, text):
        assert text._siglip_normalizer(b"", is_lower_case=False).normalize_str("Keys") == "\u2581Keys"

    def test_pieces_that_are_no_unigrams(self, text, tmp_path):
        from marian_files import pieces, spm

        file = tmp_path / "spiece.model"
        file.write_bytes(spm(pieces(["a"]), model_type=2))
        with pytest.raises(ExportError, match="no unigram model"):
            text._siglip_backend(SimpleNamespace(vocab_file=str(file), do_lower_case=True))
