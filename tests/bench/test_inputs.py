"""What stages are measured with: the same on every run, and what it says it is."""

import hashlib
import wave

import numpy as np
import pytest

from edge.bench import inputs_scene
from edge.bench.inputs_scene import drawn_looks, labelled_photos, part_of
from edge.bench.inputs_signs import FONTS, LINES, PICTURES, SIZE, drawn_signs, sign_photos
from edge.bench.inputs_speech import (
    CLAUSES,
    CUTS,
    RECORDINGS,
    Clip,
    clips_of,
    demo_utterances,
    evenly,
    read_clips,
    recordings,
    words,
)
from edge.bench.inputs_text import directed, flores, phrases, sentences
from edge.bench.stages_speech import LENGTHS
from edge.errors import ModelNotFoundError
from edge.hub.store import ModelStore


def test_sentences_and_phrases():
    assert (len(sentences()), len(phrases())) == (40, 20)
    for pairs, least, most in ((sentences(), 7, 16), (phrases(), 2, 7)):
        assert len({english for english, _ in pairs}) == len(pairs)
        for english, portuguese in pairs:
            assert least <= len(english.split()) <= most, english
            assert english != portuguese
            assert english == english.strip()
            assert portuguese == portuguese.strip() != ""


def test_both_directions():
    pairs = (("a", "b"), ("c", "d"))
    assert directed(pairs, "en") == pairs
    assert directed(pairs, "pt") == (("b", "a"), ("d", "c"))


def test_lines_of_flores(tmp_path):
    assert flores(tmp_path, "en", "pt") == ()
    (tmp_path / "flores").mkdir()
    (tmp_path / "flores" / "dev.en").write_text("one\ntwo\nthree\n", encoding="utf-8")
    assert flores(tmp_path, "en", "pt") == ()
    (tmp_path / "flores" / "dev.pt").write_text("um\ndois\ntr\u00eas\n", encoding="utf-8")
    assert flores(tmp_path, "en", "pt", 2) == (("one", "um"), ("two", "dois"))
    assert flores(tmp_path, "pt", "en")[2] == ("tr\u00eas", "three")


def test_cuts_are_as_long_as_they_say_and_odd_in_number():
    assert set(CUTS) == set(LENGTHS)
    assert len(RECORDINGS) % 2 == 1
    for seconds, cuts in CUTS.items():
        assert len(cuts) % 2 == 1
        for first, last in cuts:
            assert 0.7 * seconds <= CLAUSES[last][1] - CLAUSES[first][0] <= 1.35 * seconds
    assert words(0, 1) == "It was the best of times, it was the worst of times,"


def test_clips_of_a_manifest(tmp_path):
    assert read_clips(tmp_path, "en") == ()
    folder = tmp_path / "speech-en"
    folder.mkdir()
    folder.joinpath("manifest.tsv").write_text(
        'file\tseconds\ttranscript\tnotes\na.wav\t1.5\tHe said "no\t\nb.wav\t4\tx\tNot independent: a model wrote it\n'
        "c.wav\t6\ty\t\n",
        encoding="utf-8",
    )
    clips = read_clips(tmp_path, "en")
    assert clips == (Clip(folder / "a.wav", "en", 1.5, 'He said "no'), Clip(folder / "c.wav", "en", 6.0, "y"))
    assert clips_of(clips, 0, 6) == clips[:1]
    assert clips_of(clips, 6, 9) == clips[1:]


def test_some_spread_evenly():
    assert evenly(range(10), 5) == (0, 2, 4, 6, 8)
    assert evenly(range(3), 5) == (0, 1, 2)
    assert evenly(range(3), None) == (0, 1, 2)


@pytest.mark.models
def test_utterances_of_the_sample(demo_speech):
    for seconds, cuts in CUTS.items():
        said = demo_utterances(ModelStore(), seconds)
        assert len(said) == len(cuts)
        for one, (first, last) in zip(said, cuts, strict=True):
            assert one.seconds == pytest.approx(CLAUSES[last][1] - CLAUSES[first][0], abs=0.01)
            assert one.transcript == words(first, last)
            assert one.samples.dtype == np.float32
            assert 0.02 < np.abs(one.samples).max() <= 1


@pytest.mark.models
def test_recordings_are_files(demo_speech, tmp_path):
    made = recordings(ModelStore())
    assert recordings(ModelStore()) == made
    for content, seconds, text in made:
        (tmp_path / "a.wav").write_bytes(content)
        with wave.open(str(tmp_path / "a.wav")) as file:
            assert file.getnframes() / file.getframerate() == pytest.approx(seconds, abs=0.01)
        assert 8 < seconds < 14
        assert text


def test_every_drawn_picture_has_as_many_lines_and_their_number_is_odd():
    assert len(PICTURES) % 2 == 1
    assert len(PICTURES[::2]) % 2 == 1
    for boards in PICTURES:
        assert sum(len(board.lines) for board in boards) == LINES
        for board in boards:
            assert all(0 < value < 1 for corner in board.corners for value in corner)


@pytest.mark.models
def test_drawn_signs_are_the_same_every_time(model_folder):
    for font in FONTS:
        model_folder(font)
    one, other = drawn_signs(ModelStore()), drawn_signs(ModelStore())
    assert len({hashlib.sha256(picture.image).hexdigest() for picture in one}) == len(PICTURES)
    for picture, again in zip(one, other, strict=True):
        assert picture.image.shape == (SIZE[1], SIZE[0], 3)
        assert np.array_equal(picture.image, again.image)
        for line in picture.lines:
            assert line.text
            assert (line.corners > 0).all()
            assert (line.corners < SIZE).all()


@pytest.mark.models
def test_there_is_ink_where_a_line_is_said_to_stand(model_folder):
    for font in FONTS:
        model_folder(font)
    for picture in drawn_signs(ModelStore()):
        for line in picture.lines:
            left, top = np.floor(line.corners.min(axis=0)).astype(int)
            right, bottom = np.ceil(line.corners.max(axis=0)).astype(int)
            inside = picture.image[top:bottom, left:right].astype(float)
            assert inside.std(axis=(0, 1)).max() > 12, line.text


def test_drawing_needs_fonts(tmp_path):
    with pytest.raises(ModelNotFoundError, match="run: edge models pull font-noto-sans"):
        drawn_signs(ModelStore(tmp_path))


def test_photos_of_a_manifest(tmp_path):
    assert sign_photos(tmp_path) == ()
    (tmp_path / "signs").mkdir()
    (tmp_path / "signs" / "manifest.tsv").write_text(
        "file\ttext\toptional_text\na.jpg\tEXIT 2\tSmall\n", encoding="utf-8"
    )
    (photo,) = sign_photos(tmp_path)
    assert photo.path == tmp_path / "signs" / "a.jpg"
    assert photo.required == {"e": 1, "x": 1, "i": 1, "t": 1, "2": 1}
    assert photo.optional["l"] == 2


@pytest.mark.models
def test_things_to_look_at_are_the_same_every_time(model_folder):
    for id_ in inputs_scene.MODELS:
        model_folder(id_)
    one, other = drawn_looks(ModelStore()), drawn_looks(ModelStore())
    assert [look.label for look in one] == ["stop_sign", "yin_yang", "cup", "stop_sign", "yin_yang"]
    assert len({hashlib.sha256(np.ascontiguousarray(look.image)).hexdigest() for look in one}) == 5
    for look, again in zip(one, other, strict=True):
        assert look.image.shape == (540, 960, 3)
        assert np.array_equal(look.image, again.image)


def test_looking_needs_its_samples(tmp_path):
    with pytest.raises(ModelNotFoundError, match="run: edge models pull font-noto-sans"):
        drawn_looks(ModelStore(tmp_path))


def test_photos_that_training_never_saw(tmp_path):
    assert labelled_photos(tmp_path) == ()
    folder = tmp_path / "recognition"
    folder.mkdir()
    names = [f"caltech101/ant/{number}.jpg" for number in range(200)]
    rows = "".join(f"{name}\tant\tcaltech101\n" for name in names)
    rows += "".join(f"caltech101/_background/{number}.jpg\t_background\tcaltech101\n" for number in range(50))
    (folder / "manifest.tsv").write_text(f"file\tlabel\tsource\n{rows}", encoding="utf-8")
    photos = labelled_photos(tmp_path)
    assert {label for _, label in photos} == {"ant"}
    assert [file.relative_to(folder).as_posix() for file, _ in photos] == [
        name for name in names if part_of(name) == "test"
    ]
    assert 20 < len(photos) < 60
