"""What the events of a session say: of everything that can be seen or said, planted, with the number known before."""

import itertools
import tracemalloc
from dataclasses import replace

import pytest

from edge.bench.film import Film, Sight, Sign, Spoken
from edge.bench.sessions_judging import JUDGED_ROUNDS, KEPT_SAMPLES, Judge, judge, latency_of

S = 1_000_000_000
BEGAN = 7 * S
BOARD = ((100.0, 100.0), (400.0, 100.0), (400.0, 300.0), (100.0, 300.0))
FILM = Film(
    None,
    10.0,
    (Spoken("good day to you", 1.0, 2.0), Spoken("and good night", 5.0, 6.5)),
    (Sign("EXIT", BOARD, 0.0, 2.4, 3.5), Sign("Open daily\nfrom 9 to 17", BOARD, 4.0, 6.4, 7.5)),
    (Sight("unknown", 0.0, 2.4, 3.5), Sight("stop_sign", 4.0, 6.4, 7.5), Sight("yin_yang", 8.0, 9.2, 10.0)),
    data="planted",
)
ALL = ("speech", "signs", "scene")


def at(seconds):
    return BEGAN + round(seconds * S)


def box(x, y, w=200.0, h=40.0):
    return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]


def event(kind, at_s, **fields):
    return {"event": kind, "captured_ns": at(at_s), **fields}


def caption(seconds, text, latency_ms=300.0, utterance=1, final=True):
    words = {"source": text, "text": f"<{text}>", "is_final": final}
    return event("Subtitle", seconds, utterance=utterance, latency_ms=latency_ms, **words)


def sign(seconds, text, latency_ms=250.0, region=1, where=(150.0, 150.0)):
    return event("SignTranslated", seconds, region=region, text=text, box=box(*where), latency_ms=latency_ms)


def moved(seconds, **boxes):
    return event("SignsMoved", seconds, boxes=[[int(number[1:]), box(*where)] for number, where in boxes.items()])


def scene(seconds, label, latency_ms=400.0):
    return event("SceneRecognized", seconds, label=label, latency_ms=latency_ms)


def session(*told, seconds=12.5, ends=True):
    last = {"fps": 15.0, "audio_lost_s": 0.0, "peak_rss_mb": 321.0, "frames": 150, "frames_dropped": 3, "cpu_s": 2.5}
    return [event("SessionStarted", 0.0), *told, *([event("SessionEnded", seconds, **last)] if ends else [])]


def quality(fields):
    return {one.metric: (one.value, one.items) for one in fields["quality"]}


def perfect(start=0.0, region=1):
    """Everything is seen, read, named and captioned as it should be."""
    return [
        sign(start, "EXIT", region=region),
        caption(start + 2.0, "Good day to you.", utterance=region),
        moved(start + 3.9),
        sign(start + 4.0, "Open daily", 200.0, region + 1, (150.0, 150.0)),
        sign(start + 4.0, "from 9 to 17", 350.0, region + 2, (150.0, 220.0)),
        scene(start + 4.1, "stop_sign"),
        caption(start + 6.5, "And good night.", 500.0, utterance=region + 1),
        moved(start + 7.6),
        scene(start + 8.0, "yin_yang"),
    ]


def test_all_went_well():
    fields = judge(session(*perfect()), FILM, ALL)
    assert fields["sign"].samples_ms == (250.0, 350.0), "the second one is stable with its last line"
    assert fields["label"].samples_ms == (500.0, 400.0), "from the first frame of the thing, not the one looked at"
    assert fields["caption"].samples_ms == (300.0, 500.0)
    assert quality(fields) == {"WER": (0.0, 7), "sign CER": (0.0, 22), "names right": (100.0, 3)}
    assert (fields["sign_changes_per_minute"], fields["sign_jitter_px"]) == (0.0, 0.0)
    assert (fields["lag_s"], fields["caption_erasure"], fields["seconds"]) == (0.5, 0.0, 12.5)
    assert (fields["frames_captured"], fields["frames_dropped"], fields["cpu_percent"]) == (150, 3, 20.0)


def test_nothing_was_seen_or_said():
    fields = judge(session(), FILM, ALL)
    for kind in ("caption", "sign", "label"):
        assert (fields[kind].count, fields[kind].p50_ms, fields[kind].p99_ms) == (0, None, None), "not 0 ms"
    assert (fields["lag_s"], fields["caption_erasure"], fields["sign_jitter_px"]) == (None, None, None)
    assert quality(fields) == {"WER": (100.0, 7), "sign CER": (100.0, 22), "names right": (33.33, 3)}


def test_only_what_ran_is_told():
    fields = judge(session(*perfect()), FILM, ("speech",))
    assert not {"sign", "label", "sign_jitter_px"} & fields.keys()
    assert set(quality(fields)) == {"WER"}
    assert "caption" not in judge(session(*perfect()), FILM, ("signs",))


def test_without_events_there_is_nothing():
    assert judge([], FILM, ALL) == {}


def test_of_a_film_of_which_nothing_is_known_only_events_are_told():
    fields = judge(session(caption(2.0, "hello", 123.0)), None, ("speech",))
    assert fields["caption"].p50_ms == 123.0
    assert "quality" not in fields


class TestSigns:
    def test_one_that_is_read_only_when_the_camera_moves_on_has_no_latency(self):
        fields = judge(session(sign(0.0, "EXIT", 2500.0)), FILM, ("signs",))
        assert fields["sign"].count == 0
        assert quality(fields)["sign CER"] == (100.0, 22)

    def test_late_is_late(self):
        fields = judge(session(sign(1.5, "EXIT", 700.0)), FILM, ("signs",))
        assert fields["sign"].samples_ms == (2200.0,)

    def test_a_change_of_the_overlay_is_counted_and_is_not_yet_stable(self):
        told = [sign(0.0, "EX1T"), moved(1.0), sign(1.0, "EXIT", 250.0, 2)]
        fields = judge(session(*told), FILM, ("signs",))
        assert fields["sign"].samples_ms == (1250.0,)
        assert fields["sign_changes_per_minute"] == pytest.approx(2 / (7.0 / 60), abs=1e-3), "it went, and came back"

    def test_flicker_while_the_camera_drifts_is_counted(self):
        told = [sign(0.0, "EXIT"), moved(2.6), sign(2.6, "EXIT", 200.0, 2), moved(3.0), sign(3.0, "EXIT", 200.0, 3)]
        fields = judge(session(*told), FILM, ("signs",))
        assert fields["sign_changes_per_minute"] == pytest.approx(4 / (7.0 / 60), abs=1e-3)
        assert fields["sign"].samples_ms == (250.0,)

    def test_one_that_goes_before_it_is_stable_was_not_read(self):
        fields = judge(session(sign(0.0, "EXIT"), moved(1.0)), FILM, ("signs",))
        assert fields["sign"].count == 0
        assert quality(fields)["sign CER"][0] == 100.0

    def test_what_stands_beside_the_board_is_no_text_of_it(self):
        told = [sign(0.0, "EXIT"), sign(0.0, "graffiti", 900.0, 2, (500.0, 150.0))]
        fields = judge(session(*told), FILM, ("signs",))
        assert fields["sign"].samples_ms == (250.0,)
        assert quality(fields)["sign CER"][0] == pytest.approx(100 * 18 / 22, abs=0.01)

    def test_the_overlay_of_the_sign_before_is_not_that_of_the_next(self):
        told = [sign(0.0, "Open daily"), moved(4.1, r1=(151.0, 150.0))]
        fields = judge(session(*told), FILM, ("signs",))
        assert fields["sign"].count == 1, "of the first board; it is still on show, wrongly, on the second"

    @pytest.mark.parametrize("shake_px", [0.0, 1.0, 4.0])
    def test_jitter_is_what_was_planted(self, shake_px):
        shakes = itertools.cycle((shake_px, -shake_px))
        told = [moved(0.3 + 0.1 * step, r1=(150.0 + next(shakes), 150.0)) for step in range(20)]
        fields = judge(session(sign(0.0, "EXIT"), *told), FILM, ("signs",))
        # all x of the corners shake and no y does; some of it goes into the fitted path
        assert fields["sign_jitter_px"] == pytest.approx(shake_px / 2**0.5, rel=0.25)


class TestNames:
    def test_the_wrong_name_gives_no_latency(self):
        fields = judge(session(scene(4.2, "cup")), FILM, ("scene",))
        assert fields["label"].count == 0
        assert quality(fields)["names right"] == (33.33, 3)

    def test_the_right_one_behind_a_wrong_one_is_late(self):
        fields = judge(session(scene(4.1, "cup"), scene(5.0, "stop_sign")), FILM, ("scene",))
        assert fields["label"].samples_ms == (1400.0,)
        assert quality(fields)["names right"] == (66.67, 3)

    def test_a_name_that_stays_on_show_is_wrong_at_the_next_place(self):
        fields = judge(session(scene(0.0, "stop_sign")), FILM, ("scene",))
        assert fields["label"].count == 0, "nobody told it anew"
        assert quality(fields)["names right"] == (33.33, 3), "only the stop sign, where it is right by chance"

    def test_a_name_after_the_camera_turned_away_comes_too_late(self):
        assert judge(session(scene(7.2, "stop_sign")), FILM, ("scene",))["label"].count == 0


class TestSpeech:
    def test_partial_captions_have_no_latency_and_can_be_erased(self):
        told = [caption(1.5, "good dad", final=False), caption(2.0, "good day to you", 300.0)]
        fields = judge(session(*told), FILM, ("speech",))
        assert fields["caption"].count == 1
        assert fields["caption_erasure"] == pytest.approx(2 / 17), "'d>' of '<good dad>'"
        assert quality(fields)["WER"] == (pytest.approx(100 * 3 / 7, abs=0.01), 7)

    def test_lost_sound_is_added_up(self):
        lost = [event("AudioLost", 3.0, seconds=0.5), event("AudioLost", 4.0, seconds=0.25)]
        assert judge(session(*lost, ends=False), FILM, ("speech",))["audio_lost_s"] == 0.75

    def test_captions_of_what_was_said_later_do_not_belong_to_a_film_that_is_over(self):
        told = [*perfect(), caption(12.0, "Good day to you.", utterance=3), event("SpeechStarted", 12.5)]
        fields = judge(session(*told, ends=False), FILM, ("speech",), times=3)
        assert quality(fields)["WER"] == (0.0, 7)
        assert fields["caption"].count == 3

    def test_a_session_that_broke_off_is_not_judged_by_what_was_not_played(self):
        fields = judge(session(*perfect()[:4], ends=False), FILM, ALL)
        assert "quality" not in fields
        assert fields["caption"].count == 1


class TestAgainAndAgain:
    def test_every_showing_counts(self):
        told = [one for number in range(4) for one in perfect(10.0 * number, 1 + 10 * number)]
        fields = judge(session(*told, seconds=42.5), FILM, ALL, times=4)
        assert fields["sign"].samples_ms == (250.0, 350.0) * 4
        assert fields["label"].samples_ms == (500.0, 400.0) * 4
        found = quality(fields)
        assert (found["WER"], found["sign CER"]) == ((0.0, 28), (0.0, 88))
        assert found["names right"] == (75.0, 12), "the emblem's name stays on show when the film begins again"

    def test_while_it_runs_only_showings_that_are_over_are_judged(self):
        looker = Judge(FILM, ALL, 9)
        for one in session(*perfect(), *perfect(10.0, 10)[:4], ends=False):
            looker.add(one)
        assert quality(looker.fields()) == {"WER": (0.0, 7), "sign CER": (0.0, 22), "names right": (100.0, 3)}
        assert looker.fields()["caption"].count == 3

    def test_eight_hours_are_folded(self):
        """What is remembered does not grow, but for a few numbers a showing."""
        showings = 8 * 3600 // 50
        looker = Judge(replace(FILM, seconds=50.0), ALL, showings)
        looker.add(event("SessionStarted", 0.0))
        kept = []
        tracemalloc.start()
        for number in range(showings):
            start, region = 50.0 * number, 1 + 5 * number
            drift = [moved(start + 2.6 + step / 15, **{f"r{region}": (150.0, 150.0)}) for step in range(6)]
            for one in sorted([*perfect(start, region), *drift], key=lambda one: one["captured_ns"]):
                looker.add(one)
            kept.append(looker.kept)
            if number == 100:
                before = tracemalloc.get_traced_memory()[0]
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert max(kept) < 100
        assert grown < 1e6, "bytes"
        fields = looker.fields()
        assert fields["caption"].count == 2 * showings
        assert (fields["sign"].count, fields["sign"].p99_ms) == (2 * (showings - 1), 350.0), "the last is not over yet"
        assert len(fields["sign"].samples_ms) == KEPT_SAMPLES
        assert quality(fields)["WER"] == (0.0, 7 * JUDGED_ROUNDS)


def test_percentiles_are_nearest_rank_and_of_all_samples():
    latency = latency_of([float(ms) for ms in range(1, 2001)])
    assert (latency.count, latency.p50_ms, latency.p90_ms, latency.p99_ms) == (2000, 1000.0, 1800.0, 1980.0)
    assert len(latency.samples_ms) == KEPT_SAMPLES
    assert (latency.samples_ms[0], latency.samples_ms[-1]) == (1.0, 2000.0)
    assert list(latency.samples_ms) == sorted(latency.samples_ms)
