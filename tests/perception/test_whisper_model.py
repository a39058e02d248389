import json

import pytest

from edge.errors import ModelCorruptError, ModelNotFoundError
from edge.perception.whisper_model import CONFIGURATION_FILE, read_configuration

TOKENS = dict.fromkeys(
    ("start", "end", "transcribe", "translate", "no_timestamps", "previous", "no_speech", "timestamps"), 1
)
CONFIGURATION = {
    "family": "whisper", "precision": "int8", "layers": 2, "heads": 2, "width": 8, "vocabulary": 20, "mels": 80,
    "audio_positions": 10, "text_positions": 8, "multilingual": True, "languages": {"en": 5, "no": 6, "jw": 7},
    "tokens": TOKENS, "suppress": [1], "suppress_first": [2],
}  # fmt: skip


def test_languages_get_the_codes_that_the_rest_of_the_program_uses(tmp_path):
    (tmp_path / CONFIGURATION_FILE).write_text(json.dumps(CONFIGURATION))
    assert read_configuration(tmp_path).languages == {"en": 5, "nb": 6, "jv": 7}


def test_a_missing_or_damaged_configuration_says_what_to_pull(tmp_path):
    with pytest.raises(ModelNotFoundError):
        read_configuration(tmp_path)
    (tmp_path / CONFIGURATION_FILE).write_text(json.dumps({**CONFIGURATION, "layers": "many"}))
    with pytest.raises(ModelCorruptError, match="edge models pull"):
        read_configuration(tmp_path)
