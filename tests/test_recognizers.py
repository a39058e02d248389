"""Brought recognisers in the scene sense and in the commands: which model it is, labels, names, what cannot be."""

import json
import logging

import cv2
import pytest
from recognizer_files import BLUE, GREEN, GREY, RED, FolderStore, picture, write_classifier, write_dual_encoder
from scene_fakes import ColorRecognizer

from edge import cli, interface, scene_sense, teaching
from edge.errors import ModelCorruptError, SettingsError, TeachError
from edge.events import SceneRecognized
from edge.inference.sessions import SessionFactory
from edge.media import NS_PER_S, VideoFrame
from edge.perception.image_classification import ImageClassifier
from edge.perception.image_recognition import MODEL_FILE
from edge.perception.open_vocabulary import OpenVocabularyRecognizer
from edge.recognizers import is_brought, load_brought, try_recognizer
from edge.results import UNKNOWN
from edge.scene_sense import OWN, SceneSense
from edge.settings import SceneSettings, Settings


class Pack:
    """Translates English into Swedish and Portuguese."""

    def connects(self, source, target):
        return source == "en" and target in {"sv", "pt"}

    def translate(self, text, source, target):
        return f"{text}-{target}"


@pytest.fixture
def store(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / MODEL_FILE).write_bytes(b"weights")
    folders = {
        "finder": write_classifier(tmp_path / "finder"),
        "seeker": write_dual_encoder(tmp_path / "seeker"),
        "comparer": write_dual_encoder(tmp_path / "comparer", activation="softmax"),
    }
    found = FolderStore(**folders)
    found.folders[OWN] = own
    return found


@pytest.fixture
def load(store, tmp_path):
    def make(model, target="en", translators=None, **scene):
        settings = Settings(scene=SceneSettings(model=model, taught=tmp_path / "taught", **scene))
        return SceneSense.load(store, settings, target, translators)

    return make


def said(categories):
    return [(category.label, category.name) for category in categories]


class TestWhichModel:
    def test_by_the_family_in_its_folder(self, store):
        sessions = SessionFactory()
        found = load_brought(store.open("finder"), sessions, SceneSettings(model="finder"))
        assert isinstance(found, ImageClassifier)
        found = load_brought(store.open("seeker"), sessions, SceneSettings(model="seeker", labels=("red",)))
        assert isinstance(found, OpenVocabularyRecognizer)
        assert [is_brought(store.open(name)) for name in ("finder", "seeker", OWN)] == [True, True, False]

    def test_one_that_names_nothing(self, tmp_path):
        folder = write_classifier(tmp_path, family="detector")
        with pytest.raises(SettingsError, match="boxes is a model of the family detector, and does not name"):
            load_brought(folder, SessionFactory(), SceneSettings(model="boxes"))

    def test_an_open_vocabulary_needs_labels(self, load):
        with pytest.raises(SettingsError, match=r"seeker finds what you name.*--labels"):
            load("seeker")

    @pytest.mark.parametrize("model", ["finder", OWN])
    def test_the_others_refuse_them(self, load, model):
        with pytest.raises(SettingsError, match=rf"{model} knows its own things.*scripts/make siglip"):
            load(model, labels=("mug",))

    def test_the_doctor_runs_any_of_them_once(self, store):
        for name in ("finder", "seeker", "comparer"):
            try_recognizer(store.open(name), SessionFactory(), SceneSettings())
        (store.open("finder") / "model.onnx").unlink()
        with pytest.raises(ModelCorruptError):
            try_recognizer(store.open("finder"), SessionFactory(), SceneSettings())


class TestCategories:
    def test_of_a_classifier_in_the_language_of_the_wearer(self, load):
        sense = load("finder", "pt", Pack())
        assert said(sense.categories(picture(GREEN))) == [("umbrella", "guarda-chuva")]
        assert said(sense.categories(picture(BLUE))) == [("gizmo", "gizmo-pt")]
        assert sense.target == "pt"

    def test_as_many_as_asked_likeliest_first(self, load):
        found = load("finder").categories(picture((60, 200, 120)), 2)
        assert [category.label for category in found] == ["umbrella", "coffee mug, mug"]
        assert found[0].score > found[1].score
        assert len(load("finder").categories(picture(RED), 99)) == 3

    def test_only_names_that_are_asked_for_are_made(self, load):
        asked = []

        class Counting(Pack):
            def translate(self, text, source, target):
                asked.append(text)
                return text

        load("finder", "sv", Counting()).categories(picture(RED))
        assert asked == ["coffee mug"]

    def test_what_is_not_likely_is_unknown_and_the_guesses_follow(self, load):
        first, second, *_ = load("finder", "pt", Pack(), least_score=0.5).categories(picture(GREY), 3)
        assert (first.label, first.name) == (UNKNOWN, "desconhecido")
        assert second.label != UNKNOWN
        assert [category.label for category in load("finder", least_score=0.0).categories(picture(GREY))] != [UNKNOWN]

    @pytest.mark.parametrize("model", ["seeker", "comparer"])
    def test_of_an_open_vocabulary(self, load, model):
        sense = load(model, labels=("blue", "red"))
        assert said(sense.categories(picture(RED))) == [("red", "red")]
        assert said(sense.categories(picture(BLUE))) == [("blue", "blue")]
        assert said(sense.categories(picture(GREEN))) == [(UNKNOWN, "unknown")]

    def test_probabilities_of_a_sigmoid_stay_as_they_are(self, load):
        scores = [one.score for one in load("seeker", labels=("red", "red thing")).categories(picture(RED), 2)]
        assert scores[0] == pytest.approx(scores[1])
        assert min(scores) > 0.8, "they do not share one"

    def test_one_look_at_a_picture(self, load):
        sense = load("finder")
        looks = []
        sense.recognizer.look, look = lambda image: looks.append(image.shape) or look(image), sense.recognizer.look
        sense.categories(picture(RED), 3)
        assert looks == [(30, 40, 3)]

    def test_a_blank_picture_is_unknown(self, load):
        assert said(load("finder").categories(picture((0, 0, 0), (9, 9)) * 0)) == [(UNKNOWN, "unknown")]


def test_events_of_a_session(load):
    sense = load("finder", "pt", Pack())
    frames = [VideoFrame(picture(GREEN, (120, 160)), index * NS_PER_S, index) for index in range(6)]
    (event,) = sense.events(frames)
    assert isinstance(event, SceneRecognized)
    assert (event.label, event.name, event.target) == ("umbrella", "guarda-chuva", "pt")


class TestTeaching:
    @pytest.mark.parametrize("model", ["finder", "seeker"])
    def test_is_refused_with_what_to_do(self, store, model):
        settings = Settings(scene=SceneSettings(model=model))
        with pytest.raises(TeachError, match=rf"{model} cannot be taught.*--model {OWN}"):
            teaching.Teacher(store, settings)

    def test_nor_is_there_an_embedding(self, load):
        with pytest.raises(TeachError, match="finder cannot be taught"):
            load("finder").embedding(picture(RED))

    def test_what_was_taught_is_listed_as_not_usable(self, store, tmp_path):
        settings = Settings(scene=SceneSettings(model="finder", taught=tmp_path / "taught"))
        assert teaching.taught_things(store, settings).things == ()


@pytest.fixture
def edge(store, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(interface, "ModelStore", lambda: store)
    monkeypatch.setattr("edge.hub.store.ModelStore", lambda: store)
    monkeypatch.setattr(scene_sense.ImageRecognizer, "load", lambda *_: ColorRecognizer())
    monkeypatch.chdir(tmp_path)
    for name, color in {"red": RED, "green": GREEN, "blue": BLUE}.items():
        cv2.imwrite(f"{name}.png", picture(color))

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["edge", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out = capsys.readouterr()
        return ended.value.code, [json.loads(line) for line in out.out.splitlines()], out.err

    return run


class TestCommand:
    def test_a_classifier_by_its_id(self, edge):
        code, records, _ = edge("recognize", "green.png", "red.png", "--model", "finder", "--json")
        assert code == 0
        assert [record["categories"][0]["name"] for record in records] == ["umbrella", "coffee mug"]

    @pytest.mark.parametrize("labels", ["blue, Red", "blue,Red,blue", "@labels.txt"])
    def test_labels_on_the_command_line_or_in_a_file(self, edge, tmp_path, labels):
        (tmp_path / "labels.txt").write_text("\ufeffblue\n\nRed\n", encoding="utf-8")
        code, records, _ = edge("recognize", "red.png", "--labels", labels, "--model", "seeker", "--top", "5", "--json")
        assert code == 0
        assert [one["label"] for one in records[0]["categories"]] == ["Red", "blue"]
        red, blue = (one["score"] for one in records[0]["categories"])
        assert red > 0.8
        assert blue < 0.2

    @pytest.mark.parametrize(
        ("arguments", "why"),
        [
            (["--labels", "mug, keys"], f"{OWN} knows its own things"),
            (["--labels", "mug", "--model", "finder"], "finder knows its own things"),
            (["--model", "seeker"], "seeker finds what you name"),
            (["--model", "seeker", "--labels", " , "], "no labels"),
            (["--model", "seeker", "--labels", "@absent.txt"], "file of labels absent.txt cannot be read"),
            (["--model", "seeker", "--labels", "@red.png"], "file of labels red.png cannot be read (it is not UTF-8"),
            (["--model", "nobody"], "edge models pull nobody"),
        ],
    )
    def test_what_cannot_be(self, edge, arguments, why):
        code, records, err = edge("recognize", "red.png", "--json", *arguments)
        assert (code, records) == (2, [])
        assert why in err
        assert err.count("\n") == 1

    def test_teaching_a_brought_model(self, edge):
        code, _, err = edge("teach", "my mug", "--images", "red.png", "--model", "finder", "--json")
        assert code == 2
        assert err.startswith("edge: finder cannot be taught")

    def test_labels_in_the_settings(self, edge, tmp_path):
        (tmp_path / "s.toml").write_text('[scene]\nmodel = "seeker"\nlabels = ["green", "red"]\n')
        code, records, _ = edge("recognize", "green.png", "--settings", "s.toml", "--json")
        assert (code, records[0]["categories"][0]["label"]) == (0, "green")

    def test_english_names_are_admitted(self, edge, caplog):
        caplog.set_level(logging.WARNING)
        code, records, _ = edge("recognize", "blue.png", "--model", "finder", "--lang", "sv", "--json")
        assert (code, records[0]["categories"][0]["name"]) == (0, "gizmo")
