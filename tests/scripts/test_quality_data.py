"""The forms of evaluation data, and what is said about folders that have none of them."""

import json
import wave

import cv2
import numpy as np
import pytest

from edge.errors import ExportError

pytestmark = pytest.mark.usefixtures("scripts_on_path")


def write_wav(path, seconds=0.5):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.zeros(int(seconds * 16_000), "<i2").tobytes())


def write_picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((8, 8, 3), 90, np.uint8))


class TestParallel:
    def test_pairs_of_files_by_name(self, tmp_path):
        from quality_data import parallel

        for name, text in {
            "dev.en": "a\nb\n",
            "dev.pt": "c\nd\n",
            "dev.other.en": "x\n",
            "dev.other.pt": "y\n",
        }.items():
            (tmp_path / name).write_text(text)
        (found,) = parallel(tmp_path, "en", "pt", limit=1)
        assert (found.name, found.lines, found.references) == (f"{tmp_path.name}/dev", ["a"], ["c"])

    def test_different_numbers_of_lines(self, tmp_path):
        from quality_data import parallel

        (tmp_path / "dev.en").write_text("a\nb\n")
        (tmp_path / "dev.pt").write_text("c\n")
        with pytest.raises(ExportError, match=r"dev.en has 2 lines, dev.pt has 1"):
            parallel(tmp_path, "en", "pt")

    def test_no_pair(self, tmp_path):
        from quality_data import parallel

        (tmp_path / "dev.en").write_text("a\n")
        with pytest.raises(ExportError, match=r"no pair of files NAME.en and NAME.pt"):
            parallel(tmp_path, "en", "pt")


class TestSpeech:
    def test_manifests_of_subfolders_by_language(self, tmp_path):
        from quality_data import speech

        for code in ("en", "pt"):
            (tmp_path / f"speech-{code}").mkdir()
            rows = ["file\tlang\ttranscript\tnotes", f"a.flac\t{code}\tone\t", f"b.flac\t{code}\ttwo\tNot independent"]
            (tmp_path / f"speech-{code}" / "manifest.tsv").write_text("\n".join(rows) + "\n")
        found = speech(tmp_path, ["en", "de"])
        assert list(found) == [("speech-en", "en")]
        assert [clip.transcript for clip in found["speech-en", "en"]] == ["one"]

    def test_sounds_beside_texts(self, tmp_path):
        from quality_data import speech

        write_wav(tmp_path / "a.wav")
        (tmp_path / "a.txt").write_text("hello\n")
        write_wav(tmp_path / "b.wav")  # without a text
        (clip,) = speech(tmp_path, ["en"])[tmp_path.name, "en"]
        assert clip.transcript == "hello"
        assert clip.samples().shape == (8_000,)

    def test_nothing_in_a_known_language(self, tmp_path):
        from quality_data import speech

        with pytest.raises(ExportError, match=r"no manifest.tsv"):
            speech(tmp_path, ["en"])


class TestPictures:
    def test_a_limit_takes_from_every_label(self, tmp_path):
        from quality_data import labelled

        for label in ("cat", "dog", "_rest"):
            for number in range(3):
                write_picture(tmp_path / label / f"{number}.png")
        assert [label for _, label in labelled(tmp_path, 4)] == ["cat", "dog", "cat", "dog"]

    def test_no_pictures(self, tmp_path):
        from quality_data import labelled

        (tmp_path / "cat").mkdir()
        with pytest.raises(ExportError, match=r"no LABEL/\*.jpg"):
            labelled(tmp_path)

    def test_boxes_of_coco(self, tmp_path):
        from quality_data import boxed

        tree = {
            "images": [{"id": 7, "file_name": "a.png"}],
            "categories": [{"id": 1, "name": "cat"}],
            "annotations": [{"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4]}],
        }
        (tmp_path / "notes.json").write_text(json.dumps(tree))
        ((file, (found,)),) = boxed(tmp_path)
        assert (file.name, found.label, found.box) == ("a.png", "cat", (1, 2, 4, 6))

    @pytest.mark.parametrize("content", ["{}", "[]", '{"images": 1, "categories": [], "annotations": []}', "{"])
    def test_other_annotations(self, tmp_path, content):
        from quality_data import boxed

        (tmp_path / "notes.json").write_text(content)
        with pytest.raises(ExportError, match="not in the form of COCO"):
            boxed(tmp_path)

    def test_a_file_that_is_no_picture(self, tmp_path):
        from quality_data import picture

        (tmp_path / "a.jpg").write_bytes(b"no")
        with pytest.raises(ExportError, match="no picture"):
            picture(tmp_path / "a.jpg")

    def test_synthetic_pictures_are_always_the_same(self):
        from quality_data import synthetic_pictures

        first, second = synthetic_pictures(3), synthetic_pictures(3)
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
        assert first[0].dtype == np.uint8
        assert len({image.shape for image in first}) == 3
        assert all(image.std() > 10 for image in first)

    def test_synthetic_sounds_are_loud_enough_to_hear(self):
        from quality_data import synthetic_sounds

        sound = synthetic_sounds(1)[0]
        assert (sound.dtype, sound.shape) == (np.float32, (48_000,))
        assert 0.01 < np.abs(sound).max() < 1
