"""What is compared for each task: inputs, systems that are there or not, quality and limits. No model is run."""

import wave
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.bench.report import Quality
from edge.errors import BenchmarkError, ModelNotFoundError

TORCH = Path("/somewhere/python")


class Store:
    """Has nothing, or everything."""

    def __init__(self, folder=None):
        self.folder = folder

    def open(self, model_id):
        if self.folder is None:
            raise ModelNotFoundError(model_id)
        return self.folder

    def resolve(self, _model_id):
        return None


@pytest.fixture
def comparing(script):
    return script("peers_comparing")


@pytest.fixture
def place(comparing, tmp_path):
    (tmp_path / "scratch").mkdir()

    def make(**known):
        base = {"store": Store(), "data": tmp_path, "made": tmp_path / "made", "torch": None, "quick": False}
        return comparing.Place(**{**base, "scratch": tmp_path / "scratch", "tell": lambda _line: None, **known})

    return make


@pytest.fixture
def result(script):
    report = script("peers_report")

    def make(system, p50_ms=100, total_ms=None, **quality):
        group = report.Group(group="g", items=1, calls=5, p50_ms=p50_ms, p90_ms=999, total_ms=total_ms)
        judged = tuple(
            Quality(metric=name.replace("_", " "), value=value, data="d", items=items, better="lower")
            for name, (value, items) in quality.items()
        )
        base = {"system": system, "precision": "int8", "threads": 2, "weights": "same"}
        return report.SystemResult(**base, groups=(group,), quality=judged, ours=system.startswith("edge"))

    return make


def broken(*_arguments):
    raise BenchmarkError("its files are not to be had; run: something")


def write_clips(folder, language, lengths_s):
    own = folder / f"speech-{language}"
    own.mkdir()
    rows = ["file\tseconds\ttranscript\tnotes"]
    for number, seconds in enumerate(lengths_s):
        with wave.open(str(own / f"{number}.wav"), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(bytes(2 * int(16_000 * seconds)))
        rows.append(f"{number}.wav\t{seconds}\tword {number}\t")
    (own / "manifest.tsv").write_text("\n".join(rows), encoding="utf-8")


class TestSpeech:
    @pytest.fixture
    def speech(self, script, monkeypatch):
        module = script("peers_speech")
        for name in ("float_build", "whisper_for_ctranslate2", "whisper_for_torch"):
            monkeypatch.setattr(module, name, lambda *_arguments: Path("/made"))
        return module

    def test_utterances_of_three_lengths_are_timed_and_others_judged(self, speech, place, tmp_path):
        write_clips(tmp_path, "en", [*(2 + n / 100 for n in range(9)), *(5 + n / 100 for n in range(9)), 30])
        write_clips(tmp_path, "pt", [*(10 - n / 100 for n in range(6)), 3])
        plan = speech.plan(place())
        timed = [item for item in plan.items if item.timed]
        assert Counter(item.group for item in timed) == {f"utterances of {n} s": speech.TIMED for n in (2, 5, 10)}
        assert [item.timed for item in plan.items] == sorted((item.timed for item in plan.items), reverse=True)
        assert {np.load(item.order["samples"]).shape[0] for item in plan.items if item.group.endswith(" 10 s")} == {
            160_000,
            159_840,
            159_680,
            159_520,
        }
        judged = [item for item in plan.items if not item.timed]
        assert {item.order["language"] for item in judged} == {"en", "pt"}
        assert all(np.load(item.order["samples"]).shape[0] < 16_000 * speech.LONGEST_S for item in judged)
        assert f"{len(plan.items)} recorded utterances" in plan.data

    def test_a_quick_look_has_fewer(self, speech, place, tmp_path):
        write_clips(tmp_path, "en", [2, 2.1, 2.2, 5, 5.1, 5.2, 9.5, 9.6, 9.7, *([3.5] * 20)])
        plan = speech.plan(place(quick=True))
        assert [item.timed for item in plan.items].count(True) == 3 * speech.TIMED_QUICK
        assert [item.timed for item in plan.items].count(False) == speech.TIMED_QUICK

    def test_what_is_not_here_is_a_row_with_a_reason(self, speech, place, tmp_path, monkeypatch):
        write_clips(tmp_path, "en", [2, 5, 10])
        monkeypatch.setattr(speech, "whisper_for_ctranslate2", broken)
        why = {system.name: system.missing for system in speech.plan(place()).systems}
        assert "edge models pull" in why[speech.OURS]
        assert why["ONNX Runtime float32"] is None
        assert why[speech.PEER] == why[speech.EXACT] == "its files are not to be had; run: something"
        assert "scripts/setup export" in why["torch eager float32"]
        here = {system.name: system.missing for system in speech.plan(place(torch=TORCH)).systems}
        assert here["torch eager float32"] is None

    def test_without_data_it_needs_the_sample(self, speech, place):
        with pytest.raises(ModelNotFoundError, match="demo-speech"):
            speech.plan(place(data=None))

    def test_word_errors_of_each_language(self, speech):
        answers = {"a": "one two", "b": "um dois tr\u00eas", "c": "four five"}
        transcripts = {"a": "One, two.", "b": "um dois", "c": "four six"}
        languages = {"a": "en", "b": "pt", "c": "en"}
        english, portuguese = speech.word_error_rates(answers, transcripts, languages, "d")
        assert (english.metric, english.value, english.items) == ("WER en", 25.0, 4)
        assert (portuguese.metric, portuguese.value, portuguese.items) == ("WER pt", 50.0, 2)

    def test_the_limit_is_on_time(self, speech, result):
        rows = {speech.OURS: result(speech.OURS, 31), speech.PEER: result(speech.PEER)}
        assert [(limit.value, limit.held) for limit in speech.limits(rows)] == [(0.31, False)]
        rows[speech.OURS] = result(speech.OURS, 30)
        assert [limit.held for limit in speech.limits(rows)] == [True]
        assert speech.limits({speech.OURS: rows[speech.OURS]}) == ()


class TestTranslation:
    @pytest.fixture
    def translation(self, script, monkeypatch):
        module = script("peers_translation")
        monkeypatch.setattr(module, "float_build", lambda *_arguments: Path("/made"))
        monkeypatch.setattr(module, "twin", lambda *_arguments: (Path("/twin"), Path("/twin/vocab.spm")))
        monkeypatch.setattr(module, "carried_files", lambda *_arguments: Path("/wheel"))

        class Model:
            @staticmethod
            def load(_folder, _sessions):
                return Model()

            def encode(self, text):
                return list(text.split())

            def generate(self, ids, most):
                assert most == 3 * len(ids) + 8
                return type("Written", (), {"tokens": len(ids) - 1})

        monkeypatch.setattr(module, "TranslationModel", Model)
        return module

    def write_lines(self, folder, count):
        (folder / "flores").mkdir()
        for code in ("en", "pt"):
            lines = [f"{code} line {number} of very many that are all alike here" for number in range(count)]
            (folder / "flores" / f"dev.{code}").write_text("\n".join(lines), encoding="utf-8")

    def test_sentences_spread_over_the_lines_and_phrases_are_timed(self, translation, place, tmp_path):
        self.write_lines(tmp_path, 400)
        plan = translation.plan(place(store=Store(tmp_path)), "en", "pt")
        timed = Counter(item.group for item in plan.items if item.timed)
        assert timed == {"sentences": translation.TIMED, "phrases": translation.TIMED}
        assert len(plan.items) == translation.JUDGED + translation.TIMED
        chosen = [int(item.key.split()[1]) for item in plan.items if item.timed and item.group == "sentences"]
        assert chosen == list(range(0, 150, 10))
        assert all(item.order["text"].startswith("en ") for item in plan.items)
        assert next(item for item in plan.items if item.timed).order["tokens"] == 10
        assert plan.data == "FLORES dev, first 150 lines"

    def test_phrases_are_not_judged(self, translation, place, tmp_path):
        self.write_lines(tmp_path, 30)
        plan = translation.plan(place(store=Store(tmp_path), quick=True), "pt", "en")
        answers = {item.key: item.order["text"].replace("pt", "en") for item in plan.items}
        bleu, chrf = plan.judge(answers)
        assert (bleu.metric, chrf.metric) == ("BLEU", "chrF")
        assert bleu.value == pytest.approx(100)
        assert bleu.items == chrf.items == 20
        assert plan.judge({}) == ()

    def test_without_data_our_own_sentences(self, translation, place, tmp_path):
        plan = translation.plan(place(store=Store(tmp_path), data=None), "en", "pt")
        assert "our own 40 sentences" in plan.data
        assert any(item.group == "phrases" for item in plan.items)

    def test_what_is_not_here_is_a_row_with_a_reason(self, translation, place, tmp_path, monkeypatch):
        monkeypatch.setattr(translation, "twin", broken)
        monkeypatch.setattr(translation, "carried_files", broken)
        systems = translation.plan(place(store=Store(tmp_path), torch=TORCH), "en", "pt").systems
        missing = {system.name for system in systems if system.missing}
        twins = {translation.TWIN, f"{translation.TWIN}, 2 threads", "torch eager float32"}
        assert missing == {translation.RUST, *twins}
        assert {system.name for system in systems if not system.judged} == twins

    def test_without_our_pack_there_is_nothing_to_compare(self, translation, place):
        with pytest.raises(ModelNotFoundError, match="edge models pull mt-en-pt"):
            translation.plan(place(data=None), "en", "pt")

    def test_phrases_have_three_to_ten_words(self, translation):
        line = " ".join("abcdefghijklm")
        assert [len(translation.shortened(line, number).split()) for number in range(9)] == [3, 4, 5, 6, 7, 8, 9, 10, 3]

    def test_limits_are_for_two_peers(self, translation, result):
        rows = {name: result(name) for name in (translation.RUST, translation.TWIN)}
        assert translation.limits(rows) == ()
        rows[translation.OURS] = result(translation.OURS, 50)
        assert [(limit.limit, limit.held) for limit in translation.limits(rows)] == [(0.4, False), (0.9, True)]


class TestSigns:
    @pytest.fixture
    def signs(self, script):
        return script("peers_signs")

    def write_photos(self, folder, names):
        own = folder / "signs"
        own.mkdir()
        rows = ["file\tlanguage\ttext\toptional_text", *(f"{name}\ten\tEXIT\tAB" for name in names)]
        (own / "manifest.tsv").write_text("\n".join(rows), encoding="utf-8")

    def test_all_photos_are_judged_and_some_timed(self, signs, place, tmp_path):
        self.write_photos(tmp_path, [f"pp_{number}.jpg" for number in range(40)])
        plan = signs.plan(place())
        assert len(plan.items) == 40
        assert [item.timed for item in plan.items].count(True) == signs.TIMED
        quick = signs.plan(place(quick=True))
        assert (len(quick.items), [item.timed for item in quick.items].count(True)) == (12, signs.TIMED_QUICK)

    def test_every_system_is_a_row(self, signs, place, tmp_path):
        self.write_photos(tmp_path, ["pp_1.jpg"])
        systems = {system.name: system for system in signs.plan(place()).systems}
        assert list(systems) == ["edge", "rapidocr", "tesseract", "ONNX Runtime float32"]
        assert "edge models pull" in systems["edge"].missing
        assert "float32" in systems["ONNX Runtime float32"].missing
        assert systems["tesseract"].rounds == 1

    def test_without_data_signs_are_drawn(self, signs, place, monkeypatch):
        line = type("Line", (), {"text": "WET FLOOR"})
        drawn = type("Drawn", (), {"image": np.zeros((9, 16, 3), np.uint8), "lines": (line,)})
        monkeypatch.setattr(signs, "drawn_signs", lambda _store: [drawn, drawn])
        plan = signs.plan(place(data=None))
        assert plan.data == "2 drawn signs"
        assert cv2.imread(plan.items[1].order["picture"]).shape == (9, 16, 3)
        assert plan.judge({"drawn_1.png": []})[0].data == "1 of 2 drawn signs"
        (missed, every, invented) = plan.judge({"drawn_1.png": ["wet fl"], "drawn_2.png": ["WETFLOOR", "x"]})
        assert (every.metric, every.items, every.data) == ("letters missed, drawn", 16, "2 drawn signs")
        assert missed.value == every.value == 18.75
        assert (invented.metric, invented.value) == ("letters invented, all", 6.25)

    @pytest.mark.parametrize(
        ("name", "group"),
        [("ic15_01.jpg", "glasses"), ("groc_a.jpg", "groceries"), ("syn_01.jpg", "synthetic"), ("pp_x.jpg", "other")],
    )
    def test_photos_are_grouped_by_their_names(self, signs, name, group):
        assert signs.group_of(name) == group

    def test_optional_letters_are_neither_missed_nor_invented(self, signs, place, tmp_path):
        self.write_photos(tmp_path, ["ic15_a.jpg"])
        plan = signs.plan(place())
        values = {one.metric: one.value for one in plan.judge({"ic15_a.jpg": ["E X.T", "ab"]})}
        assert values == {"letters missed, all": 25, "letters missed, glasses": 25, "letters invented, all": 0}

    def test_the_time_is_that_of_all_and_the_glasses_are_a_goal(self, signs, result):
        missed = {"letters_missed,_glasses": (23.2, 155), "letters_missed,_other": (5.1, 1289)}
        rows = {
            "edge": result("edge", total_ms=90.0, **missed),
            "rapidocr": result("rapidocr", 999, total_ms=120.0, **missed),
        }
        told = {limit.what: (limit.value, limit.held, limit.goal) for limit in signs.limits(rows)}
        assert told == {
            "time of all timed pictures, ratio to rapidocr": (0.75, True, False),
            "letters missed, glasses": (23.2, False, True),
            "letters missed, other": (5.1, False, False),
        }
        assert signs.limits({}) == ()


class TestScene:
    @pytest.fixture
    def scene(self, script):
        return script("peers_scene")

    def write_pictures(self, scene, folder, count, monkeypatch):
        own = folder / "recognition"
        own.mkdir()
        (own / "manifest.tsv").write_text("", encoding="utf-8")
        made = [
            scene.Picture(f"{number}.jpg", scene.STRANGERS if number % 4 == 3 else "cup", "caltech101", part)
            for number in range(count)
            for part in ("test", "train")
        ]
        monkeypatch.setattr(scene, "pictures", lambda _folder: made)

    def test_only_pictures_that_training_never_saw(self, scene, place, tmp_path, monkeypatch):
        self.write_pictures(scene, tmp_path, 50, monkeypatch)
        plan = scene.plan(place())
        assert len(plan.items) == len({item.key for item in plan.items}) == 50
        assert [item.timed for item in plan.items].count(True) == scene.TIMED
        assert len(scene.plan(place(quick=True)).items) == scene.JUDGED_QUICK
        assert plan.limits is scene.limits

    def test_without_data_pictures_are_drawn_and_accuracy_is_not_promised(self, scene, place, monkeypatch):
        look = type("Look", (), {"image": np.zeros((9, 16, 3), np.uint8), "label": "cup"})
        monkeypatch.setattr(scene, "drawn_looks", lambda _store: [look, look])
        plan = scene.plan(place(data=None))
        assert [item.timed for item in plan.items] == [True, True]
        assert cv2.imread(plan.items[0].order["picture"]).shape == (9, 16, 3)
        (right,) = plan.judge({"drawn-1.png": {"label": "cup"}, "drawn-2.png": {"label": "hat"}})
        assert (right.metric, right.value) == ("top-1", 50)
        assert plan.limits is scene.time_limits

    def test_what_is_not_here_is_a_row_with_a_reason(self, scene, place, tmp_path, monkeypatch):
        self.write_pictures(scene, tmp_path, 5, monkeypatch)
        why = {system.name: system.missing for system in scene.plan(place()).systems}
        assert "edge models pull" in why[scene.OURS]
        assert "edge models pull" in why[scene.ORIGINAL]
        assert "scripts/setup export" in why["torch eager float32"]
        here = {system.name: system.missing for system in scene.plan(place(store=Store(tmp_path), torch=TORCH)).systems}
        assert set(here.values()) == {None}

    def test_strangers_are_told_from_known_things(self, scene, place, tmp_path, monkeypatch):
        self.write_pictures(scene, tmp_path, 8, monkeypatch)
        plan = scene.plan(place())
        labels = ("cup", "cup", "hat", "cup", "cup", "cup", "cup", "hat")
        known = (0.9, 0.8, 0.9, 0.1, 0.7, 0.9, 0.6, 0.65)
        pairs = enumerate(zip(labels, known, strict=True))
        top, caltech, strangers = plan.judge({f"{n}.jpg": {"label": one, "known": sure} for n, (one, sure) in pairs})
        assert (top.value, top.items) == (caltech.value, caltech.items) == (pytest.approx(83.33), 6)
        assert strangers.value == pytest.approx(100 * 11 / 12, abs=0.01)
        assert plan.judge({}) == ()

    def test_limits(self, scene, result):
        rows = {scene.OURS: result(scene.OURS, 20, **{"top-1": (84.0, 9)}), scene.ORIGINAL: result(scene.ORIGINAL)}
        assert [(limit.what, limit.held) for limit in scene.limits(rows)] == [
            (f"median time, ratio to {scene.ORIGINAL}", True),
            ("top-1", False),
        ]
        assert len(scene.time_limits(rows)) == 1
