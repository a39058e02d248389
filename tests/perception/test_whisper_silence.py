"""Encoded silence is kept, and what is kept is never believed where it could be anything else."""

import json
import shutil

import ct2_files
import numpy as np
import pytest

from edge.errors import InferenceError, ModelNotFoundError
from edge.hub.recipes.whisper import build
from edge.inference.sessions import SessionFactory
from edge.perception import whisper_silence
from edge.perception.speech_recognition import SpeechRecognizer
from edge.perception.whisper_model import Encoder, WhisperModel, append
from edge.perception.whisper_silence import KEPT, SILENCE_GROUP, encode_silence, open_silence
from edge.settings import RecognitionSettings


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    upstream, out = tmp_path_factory.mktemp("upstream"), tmp_path_factory.mktemp("tiny")
    build(ct2_files.write_files(upstream), out, {"multilingual": True})
    return out


@pytest.fixture
def folder(built, tmp_path):
    """The model in a store."""
    place = tmp_path / "built" / "tiny" / "f00d"
    shutil.copytree(built, place)
    (place / "manifest.json").write_text(json.dumps({"files": {"encoder": "its hash"}}))
    return place


@pytest.fixture
def made(monkeypatch):
    """Counts how often silence is encoded."""
    calls = []
    encode = Encoder.encode

    def counted(self, mel):
        calls.append(mel.shape)
        return encode(self, mel)

    monkeypatch.setattr(Encoder, "encode", counted)
    return calls


def file_of(folder):
    return folder.parents[2] / KEPT / "tiny" / "f00d" / "silence"


def assert_same(one, two):
    assert [part.shape for part in one.parts] == [part.shape for part in two.parts]
    assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(one.parts, two.parts, strict=True))
    assert np.array_equal(one.bias, two.bias)
    assert one.bias.dtype == two.bias.dtype


def test_the_second_start_reads_what_the_first_one_made(folder, made):
    first = open_silence(folder, SessionFactory())
    second = open_silence(folder, SessionFactory())
    assert len(made) == 1
    assert_same(first, second)
    assert_same(second, encode_silence(Encoder.load(folder, SessionFactory(), 1)))
    assert len(second.bias) == 60 // SILENCE_GROUP
    assert [path.name for path in file_of(folder).parent.iterdir()] == ["silence"]


def test_what_was_read_can_stand_behind_an_utterance(folder):
    open_silence(folder, SessionFactory())
    model = WhisperModel.load(folder, SessionFactory(), 1)
    context = model.encode(np.zeros((model.configuration.mels, 40), np.float32))
    joined = append(context, open_silence(folder, SessionFactory()), SILENCE_GROUP)
    assert len(joined.bias) == 20 + (60 - 20) // SILENCE_GROUP
    assert all(part.flags.aligned for part in joined.parts)


@pytest.mark.parametrize("damage", ["cut", "empty", "bit", "longer", "line", "garbage", "zeros"])
def test_a_damaged_file_is_made_again(folder, made, damage):
    right = open_silence(folder, SessionFactory())
    file = file_of(folder)
    content = bytearray(file.read_bytes())
    if damage == "bit":
        content[-5] ^= 16
    if damage == "line":
        content[70] ^= 1
    changed = {
        "cut": content[:-4],
        "empty": b"",
        "longer": content + b"\0\0\0\0",
        "garbage": bytes(range(256)) * 4,
        "zeros": bytes(len(content)),
    }
    file.write_bytes(bytes(changed.get(damage, content)))
    assert_same(open_silence(folder, SessionFactory()), right)
    assert len(made) == 2
    assert_same(open_silence(folder, SessionFactory()), right)
    assert len(made) == 2  # and kept again


def test_a_whole_file_of_the_wrong_size_is_made_again(folder, made, monkeypatch):
    """Right line, right hash, other shapes: as a program with another idea of the arrays would leave it."""
    shapes = whisper_silence._shapes
    monkeypatch.setattr(whisper_silence, "_shapes", lambda configuration: shapes(configuration)[:-1])
    open_silence(folder, SessionFactory())
    open_silence(folder, SessionFactory())
    assert len(made) == 2


def test_another_build_makes_its_own(folder, made):
    open_silence(folder, SessionFactory())
    (folder / "manifest.json").write_text(json.dumps({"files": {"encoder": "another hash"}}))
    open_silence(folder, SessionFactory())
    assert len(made) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("edge.inference.sessions.cpu_flags", lambda: frozenset({"avx2"})),
        ("onnxruntime.__version__", "0.0.1"),
        ("edge.perception.whisper_silence._FORMAT", 2),
        ("edge.perception.whisper_model._LOUDEST", 1.5),
    ],
)
def test_another_processor_runtime_or_program_makes_its_own(folder, made, monkeypatch, name, value):
    open_silence(folder, SessionFactory())
    monkeypatch.setattr(name, value)
    open_silence(folder, SessionFactory())
    assert len(made) == 2


def test_what_computes_is_named_with_its_provider(folder, monkeypatch):
    sessions = SessionFactory()
    assert sessions.computed_by(folder / "encoder.onnx").startswith("CPUExecutionProvider, onnxruntime ")
    provider = type("P", (), {"name": "CUDAExecutionProvider"})
    monkeypatch.setattr(SessionFactory, "_provider", lambda *_: provider)
    assert sessions.computed_by(folder / "encoder.onnx").startswith("CUDAExecutionProvider, ")


def test_threads_make_no_difference(folder, made):
    from edge.settings import InferenceSettings

    one = open_silence(folder, SessionFactory(InferenceSettings(threads=1)))
    assert_same(open_silence(folder, SessionFactory(InferenceSettings(threads=2))), one)
    assert len(made) == 1


def test_outside_of_a_store_nothing_is_kept(built, made):
    before = sorted(built.parent.rglob("*"))
    open_silence(built, SessionFactory())
    open_silence(built, SessionFactory())
    assert len(made) == 2
    assert sorted(built.parent.rglob("*")) == before


def test_a_store_that_nobody_may_write_works(folder, made):
    (folder.parents[2] / KEPT).write_text("in the way")
    open_silence(folder, SessionFactory())
    open_silence(folder, SessionFactory())
    assert len(made) == 2
    assert [path.name for path in folder.parents[2].iterdir() if path.name.startswith(".")] == []


def test_a_disk_that_is_full_leaves_no_half_of_a_file(folder, made, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", full)
        open_silence(folder, SessionFactory())
    assert list(file_of(folder).parent.iterdir()) == []
    open_silence(folder, SessionFactory())
    assert len(made) == 2


def test_errors_are_those_of_the_model(tmp_path, folder):
    with pytest.raises(ModelNotFoundError, match="edge models pull"):
        open_silence(tmp_path, SessionFactory())
    (folder / "encoder_model_int8.onnx").write_bytes(b"no graph")
    with pytest.raises(InferenceError, match="edge doctor"):
        open_silence(folder, SessionFactory())
    assert not file_of(folder).exists()


def test_the_recogniser_hears_the_same_at_its_second_start(folder, made):
    sound = np.random.default_rng(3).normal(0, 0.1, 14_000).astype(np.float32)
    settings = RecognitionSettings(context_s=0, tail_s=0.1)
    first = SpeechRecognizer.load(folder, SessionFactory(), settings).transcribe(sound)
    second = SpeechRecognizer.load(folder, SessionFactory(), settings).transcribe(sound)
    assert first == second
    assert len(made) == 3  # silence once, the sound twice


@pytest.mark.models
def test_what_the_real_store_keeps_is_what_would_be_made(model_folder):
    folder = model_folder("whisper-base")
    kept = open_silence(folder, SessionFactory())
    assert_same(kept, encode_silence(Encoder.load(folder, SessionFactory(), 2)))
