"""`edge read`: its contract, its plain output, broken pictures among good ones, and drawn pictures."""

import json
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from edge import app, cli, interface, picture_reader
from edge.errors import LanguageError, SinkError, SourceError
from edge.hud.fonts import Fonts
from edge.picture_folder import PictureFolder
from edge.picture_reader import PictureReader
from edge.results import Region, SignText, TextLine
from edge.settings import Settings
from edge.sources.picture import read_picture

BOX = ((20.04, 20.0), (180.0, 20.0), (180.0, 60.0), (20.0, 60.0))
MISSING = "no installed pack translates Spanish (es) to Portuguese (pt); run: edge models pull mt-es-pt"


def found(text, translation, missing=None):
    region = Region((TextLine(BOX, text, 0.9),), BOX, text, 0.91234567, (0, 0, 0), (255, 255, 255))
    return region, SignText(text, "en", translation, missing)


class FakeSense:
    """Finds the same in every picture."""

    target = "pt"

    def __init__(self, *results):
        self.results = list(results)
        self.seen = []

    def read_picture(self, image):
        self.seen.append(image.shape)
        return self.results


@pytest.fixture
def picture(tmp_path):
    """Function that writes a picture and returns its path."""

    def write(name="sign.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((90, 200, 3), 240, np.uint8))
        return path

    return write


@pytest.fixture
def edge(monkeypatch, capsys, tmp_path):
    """Runs a command line over a sense; returns exit code, stdout and stderr."""
    monkeypatch.setenv("EDGE_MODELS", str(tmp_path / "store"))
    monkeypatch.delenv("EDGE_SETTINGS", raising=False)
    monkeypatch.setattr(app, "load_fonts", lambda _store, _files: Fonts.load())

    def run(*arguments, sense=None):
        if sense is not None:
            monkeypatch.setattr(picture_reader.SignSense, "load", lambda *_: sense)
        monkeypatch.setattr(sys, "argv", ["edge", "read", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return SimpleNamespace(code=ended.value.code or 0, out=said.out, err=said.err)

    return run


SENSE = FakeSense(found("EXIT", "SAÍDA"), found("24", "24"), found("SALIDA", None, MISSING))


def test_the_contract(edge, picture):
    path = picture()
    ended = edge(path, "--to", "pt", "--json", sense=SENSE)
    assert ended.code == 0
    (line,) = ended.out.splitlines()
    record = json.loads(line)
    assert list(record) == ["file", "regions"]
    assert record["file"] == str(path)
    assert record["regions"][0] == {
        "box": [[20.0, 20.0], [180.0, 20.0], [180.0, 60.0], [20.0, 60.0]],
        "text": "EXIT",
        "confidence": 0.9123,
        "translation": "SAÍDA",
    }
    assert [region["translation"] for region in record["regions"]] == ["SAÍDA", "24", None]


def test_plain_output_is_for_people(edge, picture):
    ended = edge(picture(), "--to", "pt", sense=SENSE)
    assert ended.out.splitlines()[1:] == ["  EXIT", "    SAÍDA", "  24", "  SALIDA", "    (not translated)"]


def test_a_picture_without_text_says_so(edge, picture):
    path = picture()
    assert edge(path, "--to", "pt", sense=FakeSense()).out == f"{path}: no text found\n"
    assert json.loads(edge(path, "--to", "pt", "--json", sense=FakeSense()).out)["regions"] == []


def test_a_missing_pack_is_told_once(edge, picture):
    ended = edge(picture("a.jpg"), picture("b.jpg"), "--to", "pt", sense=SENSE)
    assert ended.code == 0
    assert ended.err == f"edge: {MISSING}\n"


def test_broken_pictures_do_not_stop_the_others(edge, picture, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    ended = edge(picture("a.jpg"), broken, tmp_path / "nowhere.png", picture("b.jpg"), "--to", "pt", "--json",
                 sense=FakeSense(found("EXIT", "SAÍDA")))  # fmt: skip
    assert ended.code == 2
    assert [json.loads(line)["file"][-5:] for line in ended.out.splitlines()] == ["a.jpg", "b.jpg"]
    assert len(ended.err.splitlines()) == 2
    assert all(line.startswith("edge: ") for line in ended.err.splitlines())


def test_drawn_pictures_keep_size_and_name(edge, picture, tmp_path):
    folder = tmp_path / "drawn" / "here"
    first, second = picture("one/sign.jpg"), picture("two/sign.jpg")
    before = read_picture(first)
    ended = edge(first, second, picture("sign.bmp"), "--to", "pt", "--draw", folder, sense=SENSE)
    assert ended.code == 0
    assert sorted(file.name for file in folder.iterdir()) == ["sign-2.jpg", "sign.jpg", "sign.png"]
    drawn = read_picture(folder / "sign.png")
    assert drawn.shape == before.shape
    assert np.abs(drawn.astype(int) - 240).max() > 60, "something is written there"
    assert (read_picture(first) == before).all(), "the original stays"


def test_a_folder_that_cannot_be_made(edge, picture, tmp_path):
    (tmp_path / "file").write_text("x")
    ended = edge(picture(), "--to", "pt", "--draw", tmp_path / "file", sense=SENSE)
    assert ended.code == 2
    assert "choose another --draw folder" in ended.err


def test_a_picture_that_cannot_be_written(picture, tmp_path):
    reader = PictureReader(SENSE, Settings(), PictureFolder(tmp_path / "gone", "--draw"))
    (tmp_path / "gone").rmdir()
    with pytest.raises(SinkError, match="cannot be written"):
        reader(picture())


def test_without_models_it_says_what_to_pull(edge, picture):
    ended = edge(picture(), "--to", "pt")
    assert ended.code == 2
    assert "run: edge models pull ppocr-det-small" in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize("options", [("--to", "klingon"), ("--to", "pt", "--from", "klingon")])
def test_unknown_languages(edge, picture, options):
    ended = edge(picture(), *options)
    assert ended.code == 2
    assert "'klingon'" in ended.err


def test_the_python_face(picture, monkeypatch):
    monkeypatch.setattr(picture_reader.SignSense, "load", lambda *_: SENSE)
    told = []
    read = interface.picture_reader("auto", "pt", Settings(), tell=told.append)
    assert read(picture())["regions"][0]["translation"] == "SAÍDA"
    assert told == [MISSING]
    with pytest.raises(SourceError):
        read(picture().with_name("nowhere.png"))


@pytest.mark.models
def test_a_drawn_sign_is_read_for_real(model_folder, tmp_path):
    for model_id in ("ppocr-det-small", "ppocr-rec-small", "mt-en-pt"):
        model_folder(model_id)
    sign = np.full((240, 480, 3), 250, np.uint8)
    cv2.putText(sign, "EXIT", (120, 140), cv2.FONT_HERSHEY_SIMPLEX, 3, (0, 0, 160), 8, cv2.LINE_AA)
    cv2.imwrite(str(tmp_path / "exit.png"), sign)
    read = interface.picture_reader("en", "pt", Settings(), tmp_path / "drawn")
    (region,) = read(tmp_path / "exit.png")["regions"]
    assert (region["text"], region["translation"]) == ("EXIT", "SAÍDA")
    assert (tmp_path / "drawn" / "exit.png").is_file()
    with pytest.raises(LanguageError):
        interface.picture_reader("nonsense", "pt", Settings())
