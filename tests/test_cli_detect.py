"""`edge detect` over a detector of coloured rectangles: its contract, plain output, drawn pictures, bad input."""

import json

import cv2
import numpy as np
import pytest
from detector_files import BLUE, GREEN, RED, DetectorStore, picture, write_detector

from edge import app, cli, object_sense, picture_detector
from edge.hud.fonts import Fonts
from edge.interface import detect
from edge.sources.picture import read_picture

CUP, DOG, BOOK = (RED, (20, 30, 80, 90)), (GREEN, (100, 10, 150, 60)), (BLUE, (90, 70, 150, 110))


class NoPacks:
    def __init__(self, *_):
        pass

    def connects(self, source, target):
        return False


@pytest.fixture
def store(tmp_path, monkeypatch):
    fake = DetectorStore(tmp_path / "finder")
    monkeypatch.setattr(picture_detector, "ModelStore", lambda: fake)
    monkeypatch.setattr(object_sense, "Translators", NoPacks)
    monkeypatch.setattr(app, "load_fonts", lambda *_: Fonts.load(system=False))
    monkeypatch.delenv("EDGE_SETTINGS", raising=False)
    return fake


@pytest.fixture
def edge(store, tmp_path, monkeypatch, capsys):
    """Function that runs `edge detect` as the console script does: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, model="finder"):
        chosen = ("--model", model) if model else ()
        monkeypatch.setattr("sys.argv", ["edge", "detect", *map(str, arguments), *chosen])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


@pytest.fixture
def file(tmp_path):
    """Function that writes a picture of things and gives its name."""

    def write(*things, name="scene.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        assert cv2.imwrite(str(tmp_path / name), picture(things))
        return name

    return write


def test_one_object_a_line_as_the_contract_says(edge, file):
    names = file(CUP, DOG), file(name="empty.png")
    code, out, err = edge(*names, "--json")
    assert (code, err) == (0, "")
    records = [json.loads(line) for line in out.splitlines()]
    assert [list(record) for record in records] == [["file", "objects"]] * 2
    assert [record["file"] for record in records] == list(names)
    assert [list(one) for one in records[0]["objects"]] == [["label", "name", "score", "box"]] * 2
    first, second = records[0]["objects"]
    assert (first["label"], second["label"]) == ("cup", "dog")
    assert 0.5 <= second["score"] <= first["score"] <= 1
    assert np.abs(np.subtract(first["box"], CUP[1])).max() < 4
    assert records[1]["objects"] == []


def test_plain_lines(edge, file):
    code, out, _ = edge(file(CUP), file(name="empty.png"))
    first, second, third = out.splitlines()
    assert (code, first, third) == (0, "scene.png:", "empty.png: nothing found")
    assert second.startswith("  cup (100%) at ")
    assert len(second.rpartition(" at ")[2].split(", ")) == 4


def test_names_in_another_language(edge, file):
    _, out, _ = edge(file(CUP), "--lang", "pt", "--json")
    (one,) = json.loads(out)["objects"]
    assert (one["label"], one["name"]) == ("cup", "xícara")


def test_the_least_score(edge, file):
    small = file((GREEN, (100, 10, 130, 40)))
    assert len(json.loads(edge(small, "--json")[1])["objects"]) == 1
    assert json.loads(edge(small, "--json", "--min-score", "0.9")[1])["objects"] == []
    assert edge(small, "--min-score", "2")[0] == 2


def test_pictures_with_boxes_drawn_in(edge, file, tmp_path):
    names = file(CUP, name="a/scene.jpg"), file(BOOK, name="b/scene.jpg"), file(name="empty.png")
    code, _, err = edge(*names, "--out", "drawn/here")
    assert (code, err) == (0, "")
    folder = tmp_path / "drawn" / "here"
    assert sorted(path.name for path in folder.iterdir()) == ["empty.png", "scene-2.jpg", "scene.jpg"]
    changed = np.abs(read_picture(folder / "scene.jpg").astype(int) - picture([CUP])).max(axis=2) > 60
    assert changed[35:85, 18:25].any(axis=1).all(), "the left side of the box"
    assert not changed[45:75, 30:70].any(), "inside it"
    assert (read_picture(folder / "empty.png") == picture()).all()


def test_bad_pictures_among_good_ones(edge, file, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    code, out, err = edge("broken.jpg", file(CUP), "gone.png", "--json")
    assert code == 2
    assert [json.loads(line)["file"] for line in out.splitlines()] == ["scene.png"]
    assert [line.partition(" ")[0] for line in err.splitlines()] == ["edge:", "edge:"]
    assert "broken.jpg" in err
    assert "gone.png" in err


def test_no_detector_chosen(edge, file):
    code, out, err = edge(file(CUP), model=None)
    assert (code, out) == (2, "")
    assert "--model" in err
    assert len(err.splitlines()) == 1


def test_a_model_of_another_family(edge, store, file):
    write_detector(store.root, family="classifier")
    code, _, err = edge(file(CUP))
    assert code == 2
    assert "model.json" in err
    assert len(err.splitlines()) == 1


def test_a_folder_that_cannot_be_made(edge, file, tmp_path):
    (tmp_path / "taken").write_text("x")
    code, _, err = edge(file(CUP), "--out", "taken")
    assert code == 2
    assert "choose another --out folder" in err


def test_an_unknown_language(edge, file):
    code, _, err = edge(file(CUP), "--lang", "klingon")
    assert code == 2
    assert "klingon" in err


def test_from_python(store, file, tmp_path):
    (one,) = detect(tmp_path / file(CUP), model="finder", language="de")
    assert (one["label"], one["name"]) == ("cup", "Tasse")
