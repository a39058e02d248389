"""The parts of the recogniser's training that need no torch: split, views, measures, fits, card."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture(autouse=True)
def scripts_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))


def sims(labels, count=12, size=16, noise=0.3, seed=0):
    """Unit vectors around one random direction a label."""
    random = np.random.default_rng(seed)
    centres = {label: random.normal(size=size) for label in labels}
    names = [label for label in labels for _ in range(count)]
    rows = np.stack([centres[name] + noise * random.normal(size=size) for name in names])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), names


def mean_of(views):
    return views.mean(axis=0) / np.linalg.norm(views.mean(axis=0))


class TestSplit:
    def test_depends_on_nothing_but_the_name(self):
        from recognizer_data import part_of

        assert {part_of("caltech101/ant/image_0001.jpg") for _ in range(3)} == {part_of("x/ant/image_0001.jpg")}

    def test_shares_are_about_seventytwo_eight_twenty(self):
        from recognizer_data import part_of

        parts = [part_of(f"caltech101/ant/image_{number:05}.jpg") for number in range(5000)]
        shares = {part: parts.count(part) / len(parts) for part in ("train", "validation", "test")}
        assert shares == pytest.approx({"train": 0.72, "validation": 0.08, "test": 0.20}, abs=0.02)

    def test_strangers_have_more_to_choose_and_to_test(self):
        from recognizer_data import part_of

        parts = [part_of(f"caltech101/_background/image_{number:05}.jpg") for number in range(5000)]
        assert parts.count("train") / 5000 == pytest.approx(0.4, abs=0.03)
        assert parts.count("test") / 5000 == pytest.approx(0.4, abs=0.03)

    def test_five_neighbouring_shots_stay_together(self):
        from recognizer_data import part_of

        for start in range(1, 200, 5):
            files = [f"grocery/apple/train_Royal-Gala_{start + step:03}.jpg" for step in range(5)]
            assert len({part_of(file) for file in files}) == 1

    def test_the_other_shop_never_trains(self):
        from recognizer_data import Picture, part_of

        files = [f"grocery/apple/val_Royal-Gala_{number:03}.jpg" for number in range(1, 300)]
        assert {part_of(file) for file in files} == {"validation", "test"}
        assert Picture(files[0], "apple", "grocery/Royal-Gala", "test").other_shop
        assert not Picture("grocery/apple/train_A_001.jpg", "apple", "grocery/A", "test").other_shop

    def test_the_manifest_is_read_without_quoting(self, tmp_path):
        from recognizer_data import labels_of, pictures

        (tmp_path / "manifest.tsv").write_text(
            'file\tlabel\tsource\nc/b/1.jpg\tb"\tc\nc/a/2.jpg\ta\tc\nc/_background/3.jpg\t_background\tc\n'
        )
        found = pictures(tmp_path)
        assert [item.label for item in found] == ['b"', "a", "_background"]
        assert labels_of(found) == ("a", 'b"')


class TestViews:
    def picture(self):
        return np.random.default_rng(0).integers(0, 255, (80, 120, 3), np.uint8)

    def test_view_zero_is_the_whole_picture(self):
        from recognizer_data import Views, squash

        assert np.array_equal(Views(56, []).view(self.picture(), "a.jpg", 0), squash(self.picture(), 56))

    def test_views_are_random_but_repeatable(self):
        from recognizer_data import Views

        views = Views(56, [self.picture()])
        made = [views.view(self.picture(), "a.jpg", number) for number in range(1, 6)]
        again = [views.view(self.picture(), "a.jpg", number) for number in range(1, 6)]
        assert all(np.array_equal(one, two) for one, two in zip(made, again, strict=True))
        assert len({view.tobytes() for view in made}) == 5
        assert all(view.shape == (56, 56, 3) and view.dtype == np.uint8 for view in made)

    def test_other_files_get_other_views(self):
        from recognizer_data import Views

        views = Views(56, [])
        assert not np.array_equal(views.view(self.picture(), "a.jpg", 1), views.view(self.picture(), "b.jpg", 1))

    @pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 2)])
    def test_tiny_and_thin_pictures_have_views(self, shape):
        from recognizer_data import Views

        image = np.full((*shape, 3), 90, np.uint8)
        views = Views(28, [self.picture()])
        for number in range(12):
            assert views.view(image, "a.jpg", number).shape == (28, 28, 3)
        assert views.stranger(image, "a.jpg", 1).shape == (28, 28, 3)

    def test_what_is_no_picture_is_refused(self, tmp_path):
        from recognizer_data import read

        (tmp_path / "a.jpg").write_bytes(b"no picture")
        with pytest.raises(ValueError, match=r"a\.jpg"):
            read(tmp_path / "a.jpg")


class TestMeasures:
    def test_area_under_the_curve(self):
        from recognizer_metrics import auroc

        assert auroc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1
        assert auroc(np.array([0.0, 1.0]), np.array([2.0, 3.0])) == 0
        assert auroc(np.array([1.0, 1.0]), np.array([1.0])) == 0.5
        assert auroc(np.array([1.0, 3.0]), np.array([2.0])) == 0.5
        assert np.isnan(auroc(np.array([]), np.array([1.0])))

    def test_top_one(self):
        from recognizer_metrics import top_one

        assert top_one(np.array([1, 2, 3, 4]), np.array([1, 2, 0, 0])) == 0.5
        assert np.isnan(top_one(np.array([], int), np.array([], int)))


class TestFits:
    def test_temperature_cools_what_is_too_sure(self):
        from recognizer_fitting import temperature

        random = np.random.default_rng(0)
        logits = random.normal(size=(4000, 5))
        chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        targets = np.array([random.choice(5, p=row) for row in chances])
        assert temperature(logits, targets) == pytest.approx(1, abs=0.1)
        assert temperature(logits * 2.5, targets) == pytest.approx(2.5, abs=0.25)

    def test_logistic_finds_the_sign_that_tells(self):
        from recognizer_fitting import logistic

        random = np.random.default_rng(0)
        known = np.arange(600) % 3 > 0
        signs = np.stack([known + 0.3 * random.normal(size=600), random.normal(size=600)], axis=1)
        weights, bias = logistic(signs, known)
        chance = 1 / (1 + np.exp(-(signs @ weights + bias)))
        assert ((chance > 0.5) == known).mean() > 0.93
        assert abs(weights[0]) > 5 * abs(weights[1])

    def test_logistic_weighs_the_few_as_much_as_the_many(self):
        from recognizer_fitting import logistic

        known = np.arange(1000) >= 20
        signs = np.random.default_rng(0).normal(size=(1000, 1)) + known[:, None]
        weights, bias = logistic(signs, known)
        assert -bias / weights[0] == pytest.approx(0.5, abs=0.25)

    def test_threshold_keeps_at_least_what_was_asked(self):
        from recognizer_fitting import threshold

        random = np.random.default_rng(0)
        known, strange = random.normal(1, 1, 500), random.normal(0, 1, 500)
        for least in (0.5, 0.9, 0.99):
            assert (known >= threshold(known, strange, least)).mean() >= least
        free, kept = threshold(known, strange, 0.0), threshold(known, strange, 0.99)
        assert kept < free
        assert free == pytest.approx(0.5, abs=0.35)

    def test_projection_ignores_what_varies_within_a_thing(self):
        from recognizer_fitting import normalised, projection

        random = np.random.default_rng(0)
        groups = np.repeat(np.arange(20), 15)
        telling = random.normal(size=(20, 3))[groups] + 0.1 * random.normal(size=(300, 3))
        rows = np.hstack([telling, 10 * random.normal(size=(300, 5))])
        matrix, constant = projection(rows, list(groups), 3, 0.01, 0.0)
        made = normalised(rows @ matrix.T + constant)
        alike = made @ made.T
        same = groups[:, None] == groups
        assert alike[same].mean() > 0.9
        assert alike[~same].mean() < 0.2
        assert np.abs((rows @ matrix.T + constant).mean(axis=0)).max() < 1e-6

    def test_ridge_is_least_squares(self):
        from recognizer_fitting import ridge

        rows = np.random.default_rng(0).normal(size=(200, 3))
        weights, constant = ridge(rows, rows @ [1.0, -2.0, 0.5] + 4, 1e-9)
        assert weights == pytest.approx([1, -2, 0.5], abs=1e-5)
        assert constant == pytest.approx(4, abs=1e-5)

    def test_teaching_recognises_what_is_alike_and_not_strangers(self):
        from recognizer_fitting import teaching

        rows, names = sims([f"thing{n}" for n in range(9)])
        best, right, strange = teaching(rows, names, mean_of, trials=4)
        assert right.all()
        assert best.min() > strange.max()
        assert len(best) == 4 * 5 * 7

    def test_teaching_never_teaches_strangers(self):
        from recognizer_fitting import teaching

        rows, names = sims(["_background", *"abcde"])
        best, _, strange = teaching(rows, names, mean_of, trials=3)
        assert len(strange) == 3 * 12
        assert strange.max() < best.min()


REPORT = {
    **{
        name: dict.fromkeys(
            (
                "top-1", "top-5", "caltech101", "grocery", "other shop", "auroc",
                "known kept", "strangers refused", "right of those named",
            ),
            value,
        )
        for name, value in (("int8", 0.875), ("fp32", 0.881))
    },
    "pictures": 1600,
    "strangers": 50,
    "bytes": 23_400_000,
    "per class": {"ant": [3, 4], "bee": [5, 5], "cow": [0, 0]},
    "confusion": [["ant", "bee", 1]],
    "teach": {"recognised": 0.91, "strangers named": 0.021},
    "teach new": {"recognised": 0.83, "strangers named": 0.03, "categories": 40},
    "small things": {"whole frame": 0.5, "salient part": 0.6},
    "time": {"original float 224": 160.0, "ours int8": 28.0, "ratio": 0.175},
}  # fmt: skip
PLAN = {"size": 168, "depth": 11, "frozen": 8, "views": [2, 2, 4], "epochs": [6, 2, 4]}


class TestCard:
    def test_all_numbers_are_those_measured(self, tmp_path):
        from recognizer_card import write_card

        (tmp_path / "gate.json").write_text(json.dumps(REPORT))
        (tmp_path / "plan.json").write_text(json.dumps(PLAN))
        (tmp_path / "teach.json").write_text(json.dumps(REPORT["teach new"]))
        write_card(tmp_path / "gate.json", tmp_path / "cards" / "card.md")
        text = (tmp_path / "cards" / "card.md").read_text()
        assert "| top-1, all categories | 0.875 | 0.881 |" in text
        assert "3 everyday categories" in text
        assert "rounds of 6, 2, 4 epochs" in text
        assert "23.4 MB" in text
        assert "0.175 of the original's time" in text
        assert "ant 3/4, bee 5/5." in text
        assert "Not in the test part: cow." in text
        assert "Sizes and depths" not in text

    def test_the_comparison_is_a_table_when_there_is_one(self):
        from recognizer_card import text_of

        rows = [{"size": 112, "depth": 9, "how": "head alone", "top-1": 0.801, "ms": 12.04, "ratio": 0.0871}]
        assert "| 112 | 9 | head alone | 0.801 | 12.0 | 0.087 |" in text_of(REPORT, PLAN, rows)

    def test_worst_categories_come_first(self):
        from recognizer_card import text_of

        text = text_of(REPORT, PLAN, [])
        assert text.index("ant 3/4") < text.index("bee 5/5")


class TestGate:
    def test_every_limit_is_judged(self, capsys):
        from recognizer_gate import passes

        good = {
            "int8": {"top-1": 0.9, "caltech101": 0.92, "auroc": 0.95},
            "fp32": {"top-1": 0.905},
            "time": {"ratio": 0.2},
        }
        assert passes(good)
        assert capsys.readouterr().out.count("ok ") == 5
        for path, value in (
            (("int8", "top-1"), 0.84),
            (("int8", "caltech101"), 0.87),
            (("int8", "auroc"), 0.89),
            (("fp32", "top-1"), 0.92),
            (("time", "ratio"), 0.6),
        ):
            bad = json.loads(json.dumps(good))
            bad[path[0]][path[1]] = value
            assert not passes(bad), path

    def test_a_scene_holds_the_thing_small(self):
        from recognizer_gate import scene

        thing = np.full((100, 150, 3), 255, np.uint8)
        frame = scene(thing, np.zeros((50, 50, 3), np.uint8), np.random.default_rng(0))
        assert frame.shape == (360, 640, 3)
        assert 0.07 < (frame > 0).mean() < 0.2

    def test_quality_counts_strangers_and_the_other_shop(self):
        from recognizer_data import Picture
        from recognizer_gate import confusion, per_class, quality

        from edge.perception.image_recognition import RecognizerConfig
        from edge.results import Glance

        labels = ("a", "b", "c", "d", "e", "f")
        config = RecognizerConfig(labels, 28, (0, 0, 0), (1, 1, 1), 1.0, (1, 0, 0), 0.0, 0.5, 0.5, 2)

        def glance(best, known):
            scores = np.full(6, 0.05, np.float32)
            scores[best] = 0.75
            return Glance(scores, known, np.array([1, 0], np.float32), np.zeros((2, 2), np.float32))

        items = [
            Picture("caltech101/a/1.jpg", "a", "caltech101", "test"),
            Picture("grocery/b/train_B_001.jpg", "b", "grocery/B", "test"),
            Picture("grocery/b/val_B_001.jpg", "b", "grocery/B", "test"),
            Picture("caltech101/_background/1.jpg", "_background", "caltech101", "test"),
        ]
        glances = [glance(0, 0.9), glance(1, 0.4), glance(2, 0.8), glance(3, 0.6)]
        numbers = quality(glances, items, config)
        assert numbers["top-1"] == pytest.approx(2 / 3)
        assert numbers["caltech101"] == 1
        assert numbers["grocery"] == 0.5
        assert numbers["other shop"] == 0
        assert numbers["auroc"] == pytest.approx(2 / 3)
        assert numbers["known kept"] == pytest.approx(2 / 3)
        assert numbers["strangers refused"] == 0
        assert numbers["right of those named"] == pytest.approx(1 / 3)
        assert per_class(glances, items, config)["b"] == [1, 2]
        assert confusion(glances, items, config) == [["b", "c", 1]]


def test_none_of_these_needs_torch():
    import subprocess

    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); sys.modules['torch'] = None; "
        "import recognizer_data, recognizer_metrics, recognizer_fitting, recognizer_card, recognizer_gate; "
        "import train_recognizer"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
