"""Taught things: recognised again, kept over restarts, a full disk, damage and another recogniser."""

import errno
import json
import os
import stat

import numpy as np
import pytest

from edge.errors import StoreError, TeachError
from edge.perception import taught
from edge.perception.taught import FEWEST_VIEWS, FILE, LONGEST_NAME, MOST_VIEWS, TaughtThings, checked_name

SIZE = 64
THRESHOLD = 0.45


def direction(seed):
    vector = np.random.default_rng(seed).normal(size=SIZE)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def views(seed, count=5, spread=0.6):
    """Views of one thing: its direction, with noise of this length."""
    made = [direction(seed) + spread * direction(1000 * seed + number + 1) for number in range(count)]
    return [(view / np.linalg.norm(view)).astype(np.float32) for view in made]


COHORT = np.stack([direction(seed) for seed in range(2000, 2200)])


@pytest.fixture
def open_store(tmp_path):
    """Function that opens the store of this test, as another start of the program would."""
    return lambda model="first", threshold=THRESHOLD: TaughtThings(tmp_path, model, COHORT, threshold)


@pytest.fixture
def store(open_store):
    return open_store()


class TestMatching:
    def test_five_things_from_five_views_in_other_views_and_no_stranger(self, store):
        for seed in range(1, 6):
            store.teach(f"thing {seed}", views(seed))
        for seed in range(1, 6):
            for other in views(seed, 12)[5:]:
                assert store.match(other).name == f"thing {seed}"
        assert [store.match(direction(seed)) for seed in range(500, 600)] == [None] * 100

    def test_nothing_taught(self, store):
        assert store.match(direction(1)) is None

    def test_score_is_one_half_at_the_threshold_and_grows(self, open_store):
        view = views(1)[0]
        open_store().teach("mug", views(1))
        match = open_store().match(view)
        assert 0.8 < match.similarity <= 1.1
        assert 0.99 < match.score <= 1
        assert open_store(threshold=match.similarity - 1e-6).match(view).score == pytest.approx(0.5, abs=1e-3)
        assert open_store(threshold=1.2).match(view) is None

    def test_the_nearest_of_two_alike(self, store):
        store.teach("left", views(1, 4, 0.3))
        store.teach("right", [*views(1, 8, 0.3)[5:]])
        assert store.match(views(1, 8, 0.3)[7]).name == "right"
        assert store.match(views(1, 8, 0.3)[0]).name == "left"


class TestTeaching:
    def test_survives_a_restart(self, store, open_store):
        given = views(1)
        store.teach("my mug", given)
        (thing,) = open_store().things
        assert (thing.name, thing.model) == ("my mug", "first")
        np.testing.assert_array_equal(thing.views, np.stack(given))

    def test_again_adds_views(self, store, open_store):
        store.teach("My Mug", views(1))
        assert len(store.teach("my  mug", views(1, 8)[5:]).views) == 8
        assert [(thing.name, len(thing.views)) for thing in open_store().things] == [("My Mug", 8)]

    def test_the_same_picture_twice_is_one_view(self, store):
        assert len(store.teach("mug", [*views(1), *views(1)]).views) == 5
        assert len(store.teach("mug", views(1)).views) == 5

    @pytest.mark.parametrize("count", range(FEWEST_VIEWS))
    def test_too_few_different_pictures(self, store, open_store, count):
        with pytest.raises(TeachError, match=f"at least {FEWEST_VIEWS} different pictures .* has {count}; nothing"):
            store.teach("mug", views(1, count) * 3)
        assert open_store().things == ()

    def test_one_more_picture_is_enough_for_a_thing_that_has_some(self, store):
        store.teach("mug", views(1))
        assert store.views("MUG") == 5
        assert len(store.teach("mug", views(1, 6)[5:]).views) == 6
        assert (store.views("mug"), store.views("keys")) == (6, 0)

    def test_the_oldest_views_go_when_there_are_too_many(self, store):
        many = views(1, MOST_VIEWS + 3, 3.0)
        kept = store.teach("mug", many).views
        np.testing.assert_array_equal(kept, np.stack(many[3:]))

    def test_another_process_taught_meanwhile(self, store, open_store):
        other = open_store()
        store.teach("mug", views(1))
        other.teach("keys", views(2))
        assert [thing.name for thing in open_store().things] == ["mug", "keys"]
        assert store.refresh() is True
        assert store.match(views(2)[0]).name == "keys"
        assert store.refresh() is False


class TestForgetting:
    def test_is_forgotten_for_good(self, store, open_store):
        store.teach("my mug", views(1))
        store.teach("keys", views(2))
        gone = store.forget("MY MUG")
        assert (gone.name, len(gone.views)) == ("my mug", 5)
        assert [thing.name for thing in open_store().things] == ["keys"]
        assert store.match(views(1)[0]) is None

    def test_what_was_not_taught(self, store):
        with pytest.raises(TeachError, match="nothing named 'mug' was taught; there is nothing yet"):
            store.forget("mug")
        store.teach("keys", views(2))
        with pytest.raises(TeachError, match="there is keys"):
            store.forget("mug")


class TestNames:
    @pytest.mark.parametrize(
        ("written", "kept"),
        [(" my  mug ", "my mug"), ("cafe\u0301", "café"), ("我的杯子", "我的杯子"), ("A-1!", "A-1!")],
    )
    def test_kept(self, written, kept):
        assert checked_name(written) == kept

    @pytest.mark.parametrize("name", ["", "  ", "\n", "x" * (LONGEST_NAME + 1), "bell\x07", "right\u202eleft"])
    def test_refused_and_nothing_is_written(self, store, tmp_path, name):
        with pytest.raises(TeachError):
            store.teach(name, views(1))
        assert list(tmp_path.iterdir()) == []

    def test_the_longest(self, store):
        assert store.teach("x" * LONGEST_NAME, views(1)).name == "x" * LONGEST_NAME


class TestAnotherRecogniser:
    def test_its_views_are_never_compared_with_these(self, store, open_store):
        store.teach("mug", views(1))
        other = open_store("second")
        assert other.match(views(1)[0]) is None
        assert other.outdated == ("mug",)
        assert other.views("mug") == 0
        assert open_store().match(views(1)[0]).name == "mug"

    def test_taught_again_it_begins_anew_and_the_others_wait(self, store, open_store):
        store.teach("mug", views(1))
        store.teach("keys", views(2))
        other = open_store("second")
        assert len(other.teach("mug", views(3)).views) == 5
        assert other.outdated == ("keys",)
        assert other.match(views(3)[0]).name == "mug"
        assert len(open_store().things) == 2

    def test_too_few_pictures_for_beginning_anew(self, store, open_store):
        store.teach("mug", views(1))
        with pytest.raises(TeachError):
            open_store("second").teach("mug", views(3, 2))
        assert open_store().match(views(1)[0]).name == "mug"

    def test_views_of_another_length_do_no_harm(self, store, open_store, tmp_path):
        store.teach("mug", views(1))
        short = [np.eye(8, dtype=np.float32)[number] for number in range(5)]
        other = TaughtThings(tmp_path, "second", np.zeros((0, 0), np.float32), THRESHOLD)
        other.teach("keys", short)
        assert other.match(short[0]).name == "keys"
        assert open_store().match(views(1)[0]).name == "mug"


class TestPrivacy:
    def test_only_the_owner_may_read_the_file(self, store, tmp_path):
        store.teach("mug", views(1))
        assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600

    def test_the_file_holds_names_and_embeddings_and_nothing_else(self, store, tmp_path):
        store.teach("mug", views(1))
        record = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
        assert set(record) == {"format", "things"}
        assert [set(thing) for thing in record["things"]] == [{"name", "model", "views"}]
        assert {len(view) for view in record["things"][0]["views"]} == {(SIZE * 4 + 2) // 3 * 4}
        assert [path.name for path in tmp_path.iterdir()] == [FILE]


class TestFullDisk:
    @pytest.fixture(params=["write", "sync", "rename"])
    def full(self, request, monkeypatch, store):
        """The store with one thing in it, and then a disk that is full at one step of saving."""
        store.teach("mug", views(1))

        def refuse(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        if request.param == "write":
            monkeypatch.setattr(taught.tempfile, "mkstemp", lambda **_: refuse())
        elif request.param == "sync":
            monkeypatch.setattr(taught.os, "fsync", refuse)
        else:
            monkeypatch.setattr(taught.Path, "replace", refuse)
        return store

    @pytest.mark.parametrize("change", ["teach", "add", "forget"])
    def test_the_old_state_stays_and_the_error_says_so(self, full, open_store, tmp_path, change):
        before = (tmp_path / FILE).read_bytes()
        changes = {
            "teach": lambda: full.teach("keys", views(2)),
            "add": lambda: full.teach("mug", views(1, 9)),
            "forget": lambda: full.forget("mug"),
        }
        with pytest.raises(StoreError, match=r"disk of .* is full; free some space .* still there"):
            changes[change]()
        assert (tmp_path / FILE).read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == [FILE]
        for there in (full, open_store()):
            assert [(thing.name, len(thing.views)) for thing in there.things] == [("mug", 5)]
            assert there.match(views(1)[0]).name == "mug"

    def test_goes_on_when_there_is_space_again(self, store, monkeypatch):
        def refuse(_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(taught.os, "fsync", refuse)
            with pytest.raises(StoreError):
                store.teach("mug", views(1))
        assert store.teach("mug", views(1)).name == "mug"

    def test_a_folder_that_cannot_be_made(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(StoreError, match=r"set scene\.taught to another folder"):
            TaughtThings(tmp_path / "file" / "folder", "first", COHORT, THRESHOLD).teach("mug", views(1))

    def test_a_folder_is_made_when_first_needed(self, tmp_path):
        folder = tmp_path / "new" / "folder"
        store = TaughtThings(folder, "first", COHORT, THRESHOLD)
        assert not folder.exists()
        store.teach("mug", views(1))
        assert (folder / FILE).exists()


def spoiled(tmp_path, change):
    record = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    change(record)
    return json.dumps(record).encode()


class TestDamage:
    DAMAGES = (
        lambda path: b"",
        lambda path: b"\x00" * 100,
        lambda path: (path / FILE).read_bytes()[:-200],
        lambda path: b"[]",
        lambda path: spoiled(path, lambda record: record.pop("things")),
        lambda path: spoiled(path, lambda record: record["things"][0].pop("model")),
        lambda path: spoiled(path, lambda record: record["things"][0]["views"].append("!!!!")),
        lambda path: spoiled(path, lambda record: record["things"][0]["views"].append("AAAA")),
        lambda path: spoiled(path, lambda record: record["things"][0].update(views=["AAAAAA=="] * 3)),
        lambda path: spoiled(path, lambda record: record["things"][0].update(views=[])),
        lambda path: spoiled(path, lambda record: record["things"][0].update(name="")),
    )

    @pytest.mark.parametrize("damage", DAMAGES)
    def test_is_told_and_the_file_is_put_aside(self, store, open_store, tmp_path, damage):
        store.teach("mug", views(1))
        bytes_found = damage(tmp_path)
        (tmp_path / FILE).write_bytes(bytes_found)
        with pytest.raises(StoreError, match=r"were damaged; the file is now taught\.damaged; run again"):
            open_store()
        assert (tmp_path / "taught.damaged").read_bytes() == bytes_found
        again = open_store()
        assert again.things == ()
        assert len(again.teach("mug", views(1)).views) == 5

    def test_nothing_put_aside_before_is_overwritten(self, open_store, tmp_path):
        for number in range(3):
            (tmp_path / FILE).write_bytes(b"%d?" % number)
            with pytest.raises(StoreError):
                open_store()
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
            "taught.damaged": b"0?", "taught.damaged2": b"1?", "taught.damaged3": b"2?",
        }  # fmt: skip

    def test_a_file_of_a_later_version_is_left_alone(self, open_store, tmp_path):
        (tmp_path / FILE).write_text('{"format": 2, "things": []}')
        with pytest.raises(StoreError, match="another version of edge"):
            open_store()
        assert [path.name for path in tmp_path.iterdir()] == [FILE]

    def test_it_cannot_be_put_aside(self, open_store, tmp_path, monkeypatch):
        (tmp_path / FILE).write_bytes(b"?")

        def refuse(*_):
            raise OSError(errno.EROFS, "read-only")

        monkeypatch.setattr(taught.Path, "rename", refuse)
        with pytest.raises(StoreError, match="move the file away"):
            open_store()

    def test_a_file_that_may_not_be_read(self, store, open_store, monkeypatch):
        store.teach("mug", views(1))

        def refuse(*_):
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(taught.Path, "read_bytes", refuse)
        with pytest.raises(StoreError, match="Permission denied"):
            open_store()
