"""The sign pipeline over a scripted camera: when it reads, what it tells, and that it rests."""

from types import SimpleNamespace

import numpy as np
import pytest

from edge.errors import InferenceError
from edge.events import SignsMoved, SignTranslated, StageFailed
from edge.media import NS_PER_S, VideoFrame
from edge.perception.tracking import Tracker
from edge.pipelines.signs import SignReading
from edge.results import Region, SignText, TextLine
from edge.settings import SignSettings

FRAME_NS = NS_PER_S // 15
IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
STILL = SimpleNamespace(matrix=IDENTITY, still=True, cut=False, shift=0.0)
CUT = SimpleNamespace(matrix=IDENTITY, still=False, cut=True, shift=0.0)


def moving(x=2.0, shift=0.01):
    return SimpleNamespace(matrix=((1.0, 0.0, x), (0.0, 1.0, 0.0)), still=False, cut=False, shift=shift)


def region(text, x=100.0, y=100.0, confidence=0.95, width=200.0):
    box = ((x, y), (x + width, y), (x + width, y + 40), (x, y + 40))
    return Region((TextLine(box, text, confidence),), box, text, confidence, (1, 2, 3), (4, 5, 6))


class Camera:
    """Plays motions frame by frame; the reader reads `view` at each frame, and notes that it was asked."""

    def __init__(self, motions, view, **options):
        self.motions = list(motions)
        self.view = view
        self.reads = []
        self.translated = []
        self.frame = -1
        self.failure = None
        self.translation_failure = None
        self.missing = None
        self.level = "full"
        self.reread = []
        self.pipeline = SignReading(
            self.estimate,
            Tracker(SignSettings(votes=2)),
            self.read,
            self.translate,
            "pt",
            lambda: self.level,
            reread=self.read_again,
            **options,
        )

    def estimate(self, image):
        return self.motions[self.frame]

    def read(self, image, look):
        self.reads.append((self.frame, look))
        if self.failure:
            raise self.failure
        return tuple(self.view(self.frame))

    def read_again(self, image, regions):
        """What the view shows now where `regions` were, by their places."""
        self.reread.append((self.frame, [each.text for each in regions]))
        if self.failure:
            raise self.failure
        now = {each.box[0]: each for each in self.view(self.frame)}
        return [now.get(each.box[0]) for each in regions]

    def translate(self, regions, around):
        self.translated += [each.text for each in regions]
        if self.translation_failure:
            raise self.translation_failure
        return [
            SignText(each.text, "en", None if self.missing else f"pt({each.text})", self.missing) for each in regions
        ]

    def frames(self):
        for frame in range(len(self.motions)):
            self.frame = frame
            yield VideoFrame(np.zeros((540, 960, 3), np.uint8), frame * FRAME_NS, frame)

    def run(self):
        return list(self.pipeline.events(self.frames()))


def signs(events):
    return [event for event in events if isinstance(event, SignTranslated)]


def test_a_still_sign_is_told_once_and_then_nobody_reads():
    camera = Camera([CUT] + [STILL] * 900, lambda _: [region("EXIT")])
    (told,) = camera.run()
    assert told == SignTranslated(
        0, 1, region("EXIT").box, "EXIT", "pt(EXIT)", "en", "pt", (region("EXIT").box,), (1, 2, 3), (4, 5, 6)
    )
    assert len(camera.reads) <= 3
    assert camera.translated == ["EXIT"]


def test_latency_counts_from_the_first_frame_that_showed_the_sign():
    camera = Camera([CUT] * 3 + [STILL] * 5, lambda frame: [region("EXIT")] if frame > 2 else [])
    (told,) = signs(camera.run())
    assert told.captured_ns == 2 * FRAME_NS, "the last frame of the cut shows what the still ones show"


def test_a_sure_reading_counts_when_the_next_frame_shows_the_same():
    camera = Camera([CUT, STILL], lambda _: [region("EXIT")])
    (told,) = signs(camera.run())
    assert told.captured_ns == 0
    camera = Camera([CUT, moving()], lambda _: [region("EXIT")])
    assert signs(camera.run()) == []


def test_a_sure_reading_of_a_picture_that_hardly_moves_is_enough():
    for shift, count in ((0.005, 1), (0.03, 0)):
        camera = Camera([CUT, *[moving(1, shift=shift)] * 7], lambda frame: [region("EXIT")] if frame else [])
        assert len(signs(camera.run())) == count


def test_the_first_look_at_a_still_view_is_a_glance_the_second_a_closer_one():
    camera = Camera([CUT] + [STILL] * 20, lambda _: [region("EXIT")])
    camera.run()
    assert camera.reads == [(0, "glance"), (1, "closer")]


def test_a_doubtful_text_is_looked_at_thoroughly():
    texts = ["ALPHA", "EXIT", "EXIT"]
    camera = Camera([CUT] + [STILL] * 20, lambda frame: [region(texts[min(frame, 2)], confidence=0.7)])
    assert [event.text for event in signs(camera.run())] == ["EXIT"]
    assert camera.reads == [(0, "glance"), (1, "closer"), (2, "thorough")]


def test_a_closer_look_follows_a_glance_at_the_same_scene_only():
    camera = Camera([CUT, *[moving()] * 8, *[STILL] * 5], lambda frame: [region("EXIT", x=100 + 2 * min(frame, 8))])
    camera.run()
    assert [look for _, look in camera.reads] == ["glance", "thorough", "thorough"]


def test_most_looks_at_a_moving_scene_are_glances():
    camera = Camera([CUT] + [moving(shift=0.03)] * 100, lambda frame: [region("EXIT", x=100 + 2 * frame)])
    camera.run()
    quick, long = "glance", "thorough"
    assert [look for _, look in camera.reads[:8]] == [quick, long, quick, quick, quick, long, quick, quick]


def test_a_closer_look_adds_what_the_glance_did_not_see():
    first = region("HAVRE")
    second = region("DRYCK", y=145)
    box = (*first.box[:2], *second.box[2:])
    both = Region((*first.lines, *second.lines), box, "HAVRE DRYCK", 0.95)
    camera = Camera([CUT] + [STILL] * 30, lambda frame: [first] if frame == 0 else [both])
    told = signs(camera.run())
    assert [(event.region, event.text) for event in told] == [(1, "HAVRE"), (2, "DRYCK")]
    assert len(camera.reads) <= 4


def test_a_still_scene_of_doubtful_texts_is_left_alone_after_a_while():
    camera = Camera([CUT] + [STILL] * 300, lambda frame: [region(f"{frame * 7919:08d}", confidence=0.6)])
    assert signs(camera.run()) == []
    assert len(camera.reads) <= 8


def test_a_moving_scene_is_read_now_and_then():
    step = 0.03  # of the width: so much that it is never the same view
    camera = Camera(
        [CUT] + [moving(shift=step)] * 150, lambda frame: [region("EXIT", x=100 + 2 * frame)], interval_s=0.4
    )
    told = signs(camera.run())
    assert len(told) == 1
    assert 20 <= len(camera.reads) <= 27


def test_a_scene_that_trembles_on_the_spot_is_read_less_often():
    camera = Camera([CUT] + [moving(0.1, shift=0.002)] * 300, lambda _: [region("EXIT")], interval_s=0.4)
    assert len(signs(camera.run())) == 1
    assert 14 <= len(camera.reads) <= 24


def test_blurred_pictures_are_not_read():
    camera = Camera([CUT] + [moving(60, shift=0.2)] * 12, lambda _: [region("EXIT")])
    camera.run()
    assert [frame for frame, _ in camera.reads] == [0]


def test_an_endless_swing_is_read_all_the_same():
    camera = Camera([CUT] + [moving(0.1, shift=0.2)] * 150, lambda _: [region("EXIT")])
    assert len(signs(camera.run())) == 1
    assert len(camera.reads) <= 11


def test_moves_are_told_when_they_can_be_seen():
    camera = Camera([CUT, *[STILL] * 3, moving(0.3), moving(0.3), moving(5.0), *[STILL] * 5],
                    lambda frame: [region("EXIT", x=100 + (5.6 if frame > 5 else 0))])  # fmt: skip
    events = camera.run()
    (move,) = [event for event in events if isinstance(event, SignsMoved)]
    assert move.captured_ns == 6 * FRAME_NS
    assert move.boxes[0][0] == 1
    assert move.boxes[0][1][0] == pytest.approx((105.6, 100))


def test_a_cut_takes_all_signs_away_and_the_return_brings_them_back():
    view = {True: [region("EXIT")], False: [region("BAKERY OF THE TOWN", x=400)]}
    motions = [CUT, *[STILL] * 10, CUT, *[STILL] * 10, CUT, *[STILL] * 10]
    camera = Camera(motions, lambda frame: view[not 11 <= frame < 22])
    events = camera.run()
    assert [(event.region, event.text) for event in signs(events)] == [(1, "EXIT"), (2, "BAKERY OF THE TOWN")]
    places = [{number for number, _ in event.boxes} for event in events if isinstance(event, SignsMoved)]
    assert places == [set(), set(), {1}]
    assert camera.translated == ["EXIT", "BAKERY OF THE TOWN"]


def test_a_sign_that_is_taken_away_goes():
    motions = [CUT, *[STILL] * 10, moving(0.0), *[STILL] * 40]
    camera = Camera(motions, lambda frame: [region("EXIT")] if frame < 11 else [])
    events = camera.run()
    assert isinstance(events[-1], SignsMoved)
    assert events[-1].boxes == ()
    assert len(camera.reads) < 12, "and the reader rests again"


def test_a_picture_that_cannot_be_read_is_told_once_and_the_next_one_is_read():
    camera = Camera([CUT] + [moving()] * 30, lambda _: [region("EXIT")])
    camera.failure = InferenceError("the graph failed")
    events = camera.run()
    assert [(type(event), event.stage) for event in events] == [(StageFailed, "text-reading")]
    assert len(camera.reads) > 3
    camera = Camera([CUT] + [moving()] * 30, lambda _: [region("EXIT")])
    camera.failure = InferenceError("once")
    events = []
    for event in camera.pipeline.events(camera.frames()):
        camera.failure = None
        events.append(event)
    assert [type(event) for event in events[:2]] == [StageFailed, SignTranslated]


def test_a_failing_translation_leaves_the_sign_untranslated():
    camera = Camera([CUT] + [STILL] * 30, lambda _: [region("EXIT"), region("PUSH", y=300)])
    camera.translation_failure = InferenceError("broken pack")
    events = camera.run()
    assert [event.translation for event in signs(events)] == [None, None]
    assert [event.message for event in events if isinstance(event, StageFailed)] == ["broken pack"]


def test_a_missing_pack_is_told_once():
    camera = Camera([CUT] + [STILL] * 30, lambda _: [region("SALIDA"), region("EMPUJE", y=300)])
    camera.missing = "run: edge models pull mt-es-pt"
    events = camera.run()
    assert [event.translation for event in signs(events)] == [None, None]
    assert [(event.stage, event.message) for event in events if isinstance(event, StageFailed)] == [
        ("sign-translation", "run: edge models pull mt-es-pt")
    ]


def test_when_off_nothing_is_read_and_nothing_is_in_sight():
    camera = Camera([CUT] + [STILL] * 20, lambda _: [region("EXIT")])
    events = []
    for event in camera.pipeline.events(camera.frames()):
        events.append(event)
        camera.level = "off"
    assert [type(event) for event in events] == [SignTranslated, SignsMoved]
    assert events[-1].boxes == ()
    assert len(camera.reads) <= 2


@pytest.mark.parametrize(("level", "look", "most"), [("slow", "thorough", 10), ("small", "glance", 10)])
def test_stepping_down(level, look, most):
    camera = Camera([CUT] + [moving()] * 150, lambda frame: [region("EXIT", x=100 + 2 * frame)], interval_s=0.4)
    camera.level = level
    camera.run()
    assert len(camera.reads) <= most
    assert {each for _, each in camera.reads} - {"glance"} == {look} - {"glance"}


def test_the_same_recording_gives_the_same_events():
    def script():
        return Camera([CUT, *[moving()] * 40, *[STILL] * 20], lambda frame: [region("EXIT", x=100 + 2 * frame)])

    assert script().run() == script().run()


class View:
    """Knows a view again but for the frames in `news`."""

    def __init__(self, news=()):
        self.news = news
        self.kept = []
        self.asked = []
        self.camera = None

    def keep(self, image):
        self.kept.append(self.camera.frame)

    def shows(self, image):
        self.asked.append(self.camera.frame)
        return self.camera.frame not in self.news


def with_view(motions, view, reads, **options):
    camera = Camera(motions, reads, **options)
    camera.pipeline.view, view.camera = view, camera
    return camera


TREMBLE = [moving(0.1, shift=0.004), *[STILL] * 3]


def test_a_camera_that_trembles_before_what_was_read_reads_no_more():
    without = Camera([CUT, *[STILL] * 5, *TREMBLE * 15], lambda _: [region("EXIT")])
    without.run()
    camera = with_view([CUT, *[STILL] * 5, *TREMBLE * 15], View(), lambda _: [region("EXIT")])
    assert len(signs(camera.run())) == 1
    assert [look for _, look in camera.reads] == ["glance", "closer"]
    assert camera.pipeline.view.kept == [1]
    assert len(without.reads) > 10


def test_a_known_view_is_read_anew_after_some_seconds_of_trembling():
    camera = with_view([CUT, *[STILL] * 5, *TREMBLE * 60], View(), lambda _: [region("EXIT")])
    assert len(signs(camera.run())) == 1
    assert [look for _, look in camera.reads[:2]] == ["glance", "closer"]
    assert 2 <= len(camera.reads[2:]) <= 3, "16 s, and one look each 6 s"
    assert {look for _, look in camera.reads[2:]} == {"thorough"}


def test_a_known_view_that_stands_still_is_not_asked_about_again():
    camera = with_view([CUT, *[STILL] * 900], View(), lambda _: [region("EXIT")])
    camera.run()
    assert len(camera.reads) == 2
    assert camera.pipeline.view.asked == []


def test_something_new_in_a_known_view_is_read_and_told():
    view = View(news=range(30, 60))
    both = [region("EXIT"), region("CLOSED", y=300)]
    camera = with_view([CUT, *[STILL] * 5, *TREMBLE * 15], view, lambda frame: both if frame >= 30 else both[:1])
    assert [event.text for event in signs(camera.run())] == ["EXIT", "CLOSED"]
    assert camera.reads[2][0] >= 30


def test_doubtful_texts_of_a_known_view_are_read_again_and_nothing_is_looked_for():
    def doubtful(frame):
        return [region("EXIT"), region("PLATFORM" if frame else "ALPHA", y=300, confidence=0.8)]

    camera = with_view([CUT, *[STILL] * 40], View(), doubtful)
    assert [event.text for event in signs(camera.run())] == ["EXIT", "PLATFORM"]
    assert [look for _, look in camera.reads] == ["glance", "closer"]
    assert camera.reread[0] == (2, ["PLATFORM"])
    assert len(camera.reread) == 1


def test_a_known_view_of_texts_that_never_settle_is_left_alone_however_it_trembles():
    def noise(frame):
        return [region(f"{frame * 7919:08d}", confidence=0.6)]

    camera = with_view([CUT, *[STILL] * 5, *TREMBLE * 15], View(), noise)
    assert signs(camera.run()) == []
    assert len(camera.reads) + len(camera.reread) <= 6


def test_a_sign_that_is_not_found_again_in_a_known_view_goes():
    def once(frame):
        return [region("EXIT"), *([region("GHOST", y=300, confidence=0.7)] if frame == 0 else [])]

    camera = with_view([CUT, *[STILL] * 40], View(), once)
    assert [event.text for event in signs(camera.run())] == ["EXIT"]
    assert not camera.pipeline.tracks.open
    assert camera.reread[-1][0] <= 5, "and then it rests"


def test_signs_of_a_known_view_stay_in_sight_however_long_it_is_not_read():
    camera = with_view([CUT, *[STILL] * 5, *TREMBLE * 20], View(), lambda _: [region("EXIT")])
    events = camera.run()
    assert all(dict(event.boxes).keys() == {1} for event in events if isinstance(event, SignsMoved))
    assert [track.number for track in camera.pipeline.tracks.settled] == [1]


def test_a_glance_and_a_blurred_look_make_no_view_known():
    camera = with_view([CUT] + [moving(shift=0.008)] * 100, View(), lambda frame: [region("EXIT", x=100 + 2 * frame)])
    camera.run()
    assert camera.pipeline.view.kept == []
    assert "thorough" in {look for _, look in camera.reads}
    camera = with_view([CUT, *[STILL] * 40], View(), lambda _: [region("EXIT")])
    camera.level = "small"
    camera.run()
    assert camera.pipeline.view.kept == []


def test_after_a_cut_no_view_is_known():
    camera = with_view([CUT, *[STILL] * 10, CUT, *[STILL] * 10], View(), lambda _: [region("EXIT")])
    camera.run()
    assert [look for _, look in camera.reads] == ["glance", "closer"] * 2


def test_after_it_was_off_no_view_is_known():
    camera = with_view([CUT, *[STILL] * 40], View(), lambda _: [region("EXIT")])
    for _ in camera.pipeline.events(_levels(camera, {10: "off", 20: "full"})):
        pass
    assert [frame for frame, _ in camera.reads if frame >= 20], "it is read anew"


def _levels(camera, at):
    for frame in camera.frames():
        camera.level = at.get(camera.frame, camera.level)
        yield frame


def test_a_failure_while_doubtful_texts_are_read_is_told_once():
    camera = with_view(
        [CUT, *[STILL] * 5, *TREMBLE * 3], View(), lambda frame: [region(f"{frame * 7919:08d}", confidence=0.6)]
    )
    reread = camera.read_again

    def failing(image, regions):
        camera.failure = InferenceError("the graph failed")
        return reread(image, regions)

    camera.pipeline.reread = failing
    events = camera.run()
    assert [(event.stage, event.message) for event in events if isinstance(event, StageFailed)] == [
        ("text-reading", "the graph failed")
    ]
