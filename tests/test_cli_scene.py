"""edge recognize, teach, forget and taught over a recogniser of colours: contracts, bad input, nothing lost."""

import errno
import json
import os

import cv2
import numpy as np
import pytest
from scene_fakes import BLUE, GREEN, PINK, YELLOW, ColorRecognizer, FakeStore, picture

from edge import cli, interface, scene_sense, teaching
from edge.errors import InferenceError, SourceError
from edge.interface import image_recognizer
from edge.media import VideoFrame
from edge.perception import taught
from edge.settings import SceneSettings, Settings


@pytest.fixture
def recognizer(monkeypatch):
    fake = ColorRecognizer()
    monkeypatch.setattr(scene_sense.ImageRecognizer, "load", lambda *_: fake)
    return fake


@pytest.fixture
def store(tmp_path, monkeypatch):
    (tmp_path / "store").mkdir()
    fake = FakeStore(tmp_path / "store")
    monkeypatch.setattr(interface, "ModelStore", lambda: fake)
    monkeypatch.setattr("edge.hub.store.ModelStore", lambda: fake)
    return fake


@pytest.fixture
def edge(recognizer, store, tmp_path, monkeypatch, capsys):
    """Function that runs a command as the console script does: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.toml").write_text(f'scene.taught = "{tmp_path / "taught"}"\n', encoding="utf-8")
    monkeypatch.setenv("EDGE_SETTINGS", str(tmp_path / "settings.toml"))

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["edge", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


@pytest.fixture
def files(tmp_path):
    """Function that writes pictures of a colour and gives their names."""

    def write(color, count=5, prefix="p"):
        names = [f"{prefix}{number}.png" for number in range(count)]
        for number, name in enumerate(names):
            assert cv2.imwrite(str(tmp_path / name), picture(color, seed=number))
        return names

    return write


def stored(tmp_path):
    file = tmp_path / "taught" / taught.FILE
    if not file.exists():
        return {}
    return {thing["name"]: len(thing["views"]) for thing in json.loads(file.read_text(encoding="utf-8"))["things"]}


class TestRecognize:
    def test_one_object_a_line_as_the_contract_says(self, edge, files):
        blue, green = files(BLUE, 1, "b")[0], files(GREEN, 1, "g")[0]
        code, out, err = edge("recognize", blue, green, "--lang", "pt", "--top", "2", "--json")
        assert (code, err) == (0, "")
        records = [json.loads(line) for line in out.splitlines()]
        assert [list(record) for record in records] == [["file", "categories"]] * 2
        assert [record["file"] for record in records] == [blue, green]
        first = records[0]["categories"]
        assert [list(one) for one in first] == [["label", "name", "score"]] * 2
        assert (first[0]["label"], first[0]["name"]) == ("cup", "xícara")
        assert 0 < first[1]["score"] < first[0]["score"] <= 1
        assert records[1]["categories"][0]["name"] == "guarda-chuva"
        assert "xícara" in out, "not escaped"

    def test_one_name_unless_more_are_asked(self, edge, files):
        _, out, _ = edge("recognize", *files(BLUE, 1), "--json")
        assert len(json.loads(out)["categories"]) == 1

    def test_unknown_when_rejected(self, edge, files):
        _, out, _ = edge("recognize", *files(YELLOW, 1), "--lang", "de", "--json")
        (category,) = json.loads(out)["categories"]
        assert (category["label"], category["name"]) == ("unknown", "unbekannt")

    def test_for_people(self, edge, files):
        code, out, _ = edge("recognize", *files(BLUE, 1), "--lang", "fr")
        assert code == 0
        assert out.startswith("p0.png: tasse (")
        assert out.endswith("%)\n")

    def test_bad_pictures_do_not_stop_the_good_ones(self, edge, files, tmp_path):
        good = files(BLUE, 2)
        (tmp_path / "half.jpg").write_bytes(cv2.imencode(".jpg", picture(BLUE))[1].tobytes()[:600])
        (tmp_path / "empty.png").touch()
        (tmp_path / "text.png").write_text("no picture")
        (tmp_path / "folder.png").mkdir()
        bad = ["half.jpg", "empty.png", "absent.png", "text.png", "folder.png"]
        code, out, err = edge("recognize", bad[0], good[0], *bad[1:], good[1], "--json")
        assert code == 2
        assert [json.loads(line)["file"] for line in out.splitlines()] == good
        complaints = err.splitlines()
        assert [line.startswith("edge: picture ") for line in complaints] == [True] * len(bad)
        assert all(name in line for name, line in zip(bad, complaints, strict=True))

    def test_a_picture_of_one_pixel(self, edge, tmp_path):
        cv2.imwrite(str(tmp_path / "dot.png"), np.zeros((1, 1, 3), np.uint8))
        code, out, _ = edge("recognize", "dot.png", "--json")
        assert (code, json.loads(out)["categories"][0]["label"]) == (0, "unknown")

    def test_a_failing_model_fails_each_picture(self, edge, files, recognizer):
        recognizer.failure = InferenceError("model failed; run: edge doctor")
        code, out, err = edge("recognize", *files(BLUE, 2))
        assert (code, out) == (2, "")
        assert err == "edge: model failed; run: edge doctor\n" * 2

    @pytest.mark.parametrize(
        ("options", "complaint"),
        [(("--lang", "xx"), "unknown language 'xx'"), (("--top", "0"), "--top"), (("--settings", "no"), "cannot be")],
    )
    def test_bad_options(self, edge, files, options, complaint):
        code, out, err = edge("recognize", *files(BLUE, 1), *options)
        assert (code, out) == (2, "")
        assert complaint in err

    def test_no_model(self, edge, files, store):
        store.is_installed = False
        code, out, err = edge("recognize", *files(BLUE, 1))
        assert (code, out) == (2, "")
        assert err == "edge: model recognizer-vit-s14 is not installed; run: edge models pull recognizer-vit-s14\n"

    def test_the_python_face(self, recognizer, store, files, tmp_path):
        look = image_recognizer("pt", Settings(scene=SceneSettings(taught=tmp_path / "taught")), top=3)
        file = tmp_path / files(BLUE, 1)[0]
        record = look(file)
        assert (record["file"], len(record["categories"])) == (str(file), 3)
        with pytest.raises(SourceError):
            look(tmp_path / "absent.png")


class TestTeach:
    def test_from_pictures_and_recognised_in_another(self, edge, files, tmp_path):
        code, out, err = edge("teach", "my mug", "--images", *files(PINK), "--json")
        assert (code, err) == (0, "")
        assert json.loads(out) == {"name": "my mug", "views": 5, "added": 5}
        cv2.imwrite(str(tmp_path / "other.png"), picture(PINK, seed=77))
        _, out, _ = edge("recognize", "other.png", *files(YELLOW, 1, "y"), "--json", "--lang", "pt")
        mug, stranger = (json.loads(line)["categories"][0] for line in out.splitlines())
        assert (mug["label"], mug["name"]) == ("my mug", "my mug")
        assert stranger["label"] == "unknown"

    @pytest.mark.parametrize("style", ["once", "each", "without"])
    def test_pictures_may_be_given_in_any_way(self, edge, files, tmp_path, style):
        names = files(PINK)
        given = {
            "once": ["--images", *names],
            "each": [part for name in names for part in ("--images", name)],
            "without": names,
        }
        assert edge("teach", "mug of mine", *given[style])[0] == 0
        assert stored(tmp_path) == {"mug of mine": 5}

    def test_again_adds_views_and_says_so(self, edge, files):
        names = files(PINK, 8)
        assert edge("teach", "my mug", "--images", *names[:5])[1] == "my mug: 5 views added, 5 in all\n"
        assert edge("teach", "My Mug", "--images", *names[4:])[1] == "my mug: 3 views added, 8 in all\n"

    @pytest.mark.parametrize("name", ["cup", "Umbrella", "wristwatch", "unknown", "ceiling fan", "windsor_chair"])
    def test_a_name_that_means_something_already(self, edge, files, tmp_path, name, recognizer):
        code, out, err = edge("teach", name, "--images", *files(PINK))
        assert (code, out) == (2, "")
        assert f"choose another, for example 'my {name}'" in err
        assert stored(tmp_path) == {}
        assert recognizer.looked == []

    @pytest.mark.parametrize("name", ["", "   ", "x" * 41])
    def test_a_name_that_cannot_be_kept(self, edge, files, tmp_path, name):
        code, _, err = edge("teach", name, "--images", *files(PINK))
        assert code == 2
        assert err.count("\n") == 1
        assert stored(tmp_path) == {}

    def test_too_few_pictures_change_nothing(self, edge, files, tmp_path):
        edge("teach", "keys", "--images", *files(GREEN, 4, "k"))
        code, out, err = edge("teach", "my mug", "--images", *files(PINK, 2))
        assert (code, out) == (2, "")
        assert "at least 3 different pictures" in err
        assert stored(tmp_path) == {"keys": 4}

    def test_the_same_picture_five_times_is_one(self, edge, files, tmp_path):
        code, _, err = edge("teach", "my mug", "--images", *(files(PINK, 1) * 5))
        assert code == 2
        assert "has 1; nothing was changed" in err
        assert stored(tmp_path) == {}

    def test_bad_pictures_among_enough_good_ones(self, edge, files, tmp_path):
        (tmp_path / "broken.png").write_bytes(b"?")
        cv2.imwrite(str(tmp_path / "black.png"), np.zeros((100, 100, 3), np.uint8))
        code, out, err = edge("teach", "my mug", "--images", "broken.png", *files(PINK, 3), "black.png")
        assert code == 2
        assert out == "my mug: 3 views added, 3 in all\n"
        first, second = err.splitlines()
        assert "broken.png is no picture" in first
        assert "black.png shows nothing" in second
        assert stored(tmp_path) == {"my mug": 3}

    def test_bad_pictures_and_too_few_good_ones(self, edge, files, tmp_path):
        code, out, err = edge("teach", "my mug", "--images", "absent.png", *files(PINK, 2))
        assert (code, out) == (2, "")
        assert "absent.png does not exist" in err
        assert "at least 3 different" in err
        assert stored(tmp_path) == {}

    def test_the_name_forgotten(self, edge, files):
        code, _, err = edge("teach", *files(PINK))
        assert code == 2
        assert "write the name first" in err

    def test_pictures_and_camera(self, edge, files):
        code, _, err = edge("teach", "my mug", "--images", *files(PINK), "--camera", "0")
        assert code == 2
        assert "exclude each other" in err

    def test_a_full_disk_keeps_what_was_taught(self, edge, files, tmp_path, monkeypatch):
        edge("teach", "keys", "--images", *files(GREEN, 4, "k"))

        def refuse(_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(taught.os, "fsync", refuse)
            code, out, err = edge("teach", "my mug", "--images", *files(PINK))
        assert (code, out) == (2, "")
        assert "is full; free some space" in err
        assert err.count("\n") == 1
        assert stored(tmp_path) == {"keys": 4}
        assert edge("teach", "my mug", "--images", *files(PINK))[0] == 0

    def test_a_folder_that_cannot_be_written(self, edge, files, tmp_path):
        (tmp_path / "taught").touch()
        code, _, err = edge("teach", "my mug", "--images", *files(PINK))
        assert code == 2
        assert err.count("\n") == 1
        assert "scene.taught" in err

    def test_no_model(self, edge, files, store):
        store.is_installed = False
        code, _, err = edge("teach", "my mug", "--images", *files(PINK))
        assert code == 2
        assert "edge models pull" in err


class TestTeachFromTheCamera:
    def test_five_views_and_the_wearer_is_told_to_turn_the_thing(self, monkeypatch):
        told, frames = self.given(monkeypatch, [picture(PINK, seed=number) for number in range(5)])
        seen = list(frames)
        assert len(seen) == teaching.VIEWS
        assert all((a == picture(PINK, seed=n)).all() for n, a in enumerate(seen))
        assert told[0] == "hold the thing before the camera"
        assert told[1:] == [f"view {number} of 5: turn it a little" for number in range(2, 6)]

    def test_a_camera_that_goes_away(self, monkeypatch):
        _, frames = self.given(monkeypatch, [picture(PINK), None])
        next(frames)
        with pytest.raises(SourceError, match="went away"):
            next(frames)

    def given(self, monkeypatch, shows):
        """What is told, and the views that `camera_views` makes of a camera that shows these pictures."""
        told, channel = [], []

        class Camera:
            failure = SourceError("camera 3 went away; plug it in again")

            def __enter__(self):
                return self

            def __exit__(self, *_):
                pass

        def open_camera(uri, frames):
            channel.append(frames)
            return Camera()

        showing = iter(shows)

        def pause(seconds):
            assert seconds == teaching.GAP_S
            shown = next(showing)
            if shown is None:
                channel[0].close()
            else:
                channel[0].put(VideoFrame(shown, 0))

        monkeypatch.setattr("edge.sources.camera.open_camera", open_camera)
        return told, teaching.camera_views("3", told.append, pause)

    def test_the_command(self, edge, monkeypatch, tmp_path):
        def views(uri, tell):
            assert uri == "3"
            tell("turn it")
            yield from [picture(PINK, seed=number) for number in range(4)]
            yield np.zeros((90, 120, 3), np.uint8)

        monkeypatch.setattr(teaching, "camera_views", views)
        code, out, err = edge("teach", "my mug", "--camera", "3")
        assert code == 2
        assert out == "my mug: 4 views added, 4 in all\n"
        assert err.splitlines()[0] == "turn it"
        assert "view 5 shows nothing" in err
        assert stored(tmp_path) == {"my mug": 4}

    def test_the_default_camera(self, edge, monkeypatch):
        asked = []

        def views(uri, _):
            asked.append(uri)
            raise SourceError("no camera")

        monkeypatch.setattr(teaching, "camera_views", views)
        assert edge("teach", "my mug") == (2, "", "edge: no camera\n")
        assert asked == ["0"]


class TestForgetAndTaught:
    def test_list_and_forget(self, edge, files):
        edge("teach", "my mug", "--images", *files(PINK))
        edge("teach", "keys", "--images", *files(GREEN, 4, "k"))
        assert edge("taught") == (0, "my mug: 5 views\nkeys: 4 views\n", "")
        code, out, _ = edge("taught", "--json")
        assert code == 0
        assert [json.loads(line) for line in out.splitlines()] == [
            {"name": "my mug", "views": 5, "usable": True},
            {"name": "keys", "views": 4, "usable": True},
        ]
        assert edge("forget", "My mug") == (0, "my mug is forgotten (5 views)\n", "")
        assert edge("taught")[1] == "keys: 4 views\n"
        code, out, _ = edge("forget", "keys", "--json")
        assert (code, json.loads(out)) == (0, {"name": "keys", "views": 4})
        assert edge("taught") == (0, "", "")

    def test_what_was_not_taught(self, edge):
        code, out, err = edge("forget", "my mug")
        assert (code, out) == (2, "")
        assert err == "edge: nothing named 'my mug' was taught; there is nothing yet\n"

    def test_things_of_another_recogniser_are_marked(self, edge, files, store):
        edge("teach", "my mug", "--images", *files(PINK))
        store.retrain()
        assert "teach again" in edge("taught")[1]
        assert json.loads(edge("taught", "--json")[1])["usable"] is False

    def test_without_the_model_things_can_still_be_listed_and_forgotten(self, edge, files, store):
        edge("teach", "my mug", "--images", *files(PINK))
        store.is_installed = False
        assert edge("taught")[0] == 0
        assert edge("forget", "my mug")[0] == 0

    def test_damage_is_told_once_and_the_file_is_kept(self, edge, files, tmp_path):
        edge("teach", "my mug", "--images", *files(PINK))
        (tmp_path / "taught" / taught.FILE).write_bytes(b"?")
        code, _, err = edge("taught")
        assert code == 2
        assert "taught.damaged" in err
        assert edge("taught") == (0, "", "")
        assert (tmp_path / "taught" / "taught.damaged").read_bytes() == b"?"
