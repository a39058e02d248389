from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.events import (
    AudioLost,
    SceneRecognized,
    SenseChanged,
    SessionEnded,
    SessionStarted,
    SourceLost,
    SourceRestored,
    SpeechEnded,
    SpeechRejected,
    SpeechStarted,
    StageFailed,
    Subtitle,
)
from edge.hud import state as hud_state
from edge.hud.state import MAX_VISIBLE, MAX_WAITING, HudState, next_change_ns, read_s, reduce, tick
from edge.settings import HudSettings

S = 1_000_000_000
START = HudState(settings=HudSettings())


def said(utterance, text="Bom dia.", at_s=0.0, **changes):
    event = Subtitle(int(at_s * S), utterance, "Good morning.", text, "en", "pt")
    return replace(event, **changes)


def played(*timed, state=START, split=hud_state.whole):
    for at_s, event in timed:
        state = reduce(state, event, int(at_s * S), split)
    return state


def texts(state):
    return [c.text for c in state.captions]


def halves(source, text, _language, _target, _steady):
    middle = len(text) // 2
    return [(source, text[:middle]), ("", text[middle:])]


def test_session_sets_languages_and_recording():
    state = played((0, SessionStarted(0, ("en", "es"), "pt", recording=True)))
    assert (state.source_languages, state.target_language, state.recording) == (("en", "es"), "pt", True)
    assert not played((0, SessionStarted(0, (), "pt"))).recording


def test_listening_from_onset_to_answer():
    state = played((0, SpeechStarted(0, 1)))
    assert state.listening == (1,)
    assert played((1, SpeechEnded(0, 1, 0.8)), state=state).listening == (1,)
    assert played((1, said(1)), state=state).listening == ()
    assert played((1, SpeechRejected(0, 1, "silence")), state=state).listening == ()
    assert played((1, said(1, is_final=False)), state=state).listening == (1,)
    both = played((1, SpeechStarted(0, 2)), state=state)
    assert played((2, said(1)), state=both).listening == (2,)
    assert played((2, SessionEnded(0, 1, 0)), state=both).listening == ()


def test_caption_stays_caption_s_and_goes():
    state = played((1, said(1)))
    assert texts(state) == ["Bom dia."]
    assert next_change_ns(state) == 7 * S
    assert texts(tick(state, 7 * S - 1)) == ["Bom dia."]
    assert texts(tick(state, 7 * S)) == []


def test_long_caption_stays_until_it_can_be_read():
    text = "x" * 170
    assert read_s(text, START.settings) == pytest.approx(10)
    state = played((0, said(1, text)))
    assert texts(tick(state, int(9.9 * S))) == [text]
    assert texts(tick(state, int(10.1 * S))) == []


def test_wide_characters_count_for_two():
    assert read_s("你好" * 17, START.settings) == pytest.approx(4)
    assert read_s("ab" * 17, START.settings) == pytest.approx(2)
    assert read_s("a", START.settings) == START.settings.min_caption_s


def test_second_caption_is_read_after_the_first():
    long = "x" * 170
    state = played((0, said(1, long)), (1, said(2, long)))
    assert texts(tick(state, 11 * S)) == [long]
    assert texts(tick(state, int(19.9 * S))) == [long]
    assert texts(tick(state, int(20.1 * S))) == []


def test_third_waits_until_the_first_was_read():
    one, two, three = "a" * 34, "b" * 34, "c" * 34
    state = played((0, said(1, one)), (0.5, said(2, two)), (1.0, said(3, three)))
    assert texts(state) == [one, two]
    assert [c.text for c in state.waiting] == [three]
    change = next_change_ns(state)
    assert change == pytest.approx(1.6 * S, rel=0.01)  # two seconds of text, read 1.25 times as fast
    assert texts(tick(state, change - 1)) == [one, two]
    assert texts(tick(state, change)) == [two, three]


def test_no_caption_is_yanked_before_the_minimum():
    state = START
    for number in range(1, 6):
        state = reduce(state, said(number, f"{number}"), 0)
    assert texts(state) == ["1", "2"]
    assert texts(tick(state, int(1.19 * S))) == ["1", "2"]
    assert texts(tick(state, int(1.2 * S))) == ["2", "3"]


def test_subtitle_in_parts_rolls_up():
    state = played((0, said(1, "a" * 34 + "b" * 34)), (0.1, said(2, "c" * 34 + "d" * 34)), split=halves)
    assert [(c.utterance, c.part) for c in state.captions] == [(1, 0), (1, 1)]
    seen = []
    while (change := next_change_ns(state)) is not None:
        seen.append(tuple(text[0] for text in texts(state)))
        state = tick(state, change)
    assert list(dict.fromkeys(seen)) == [("a", "b"), ("b", "c"), ("c", "d"), ("d",)]


def test_final_never_changes():
    state = played((0, said(1, "Bom dia.")))
    assert texts(played((1, said(1, "Boa noite.")), state=state)) == ["Bom dia."]
    assert texts(played((1, said(1, "Bom dia. E mais", is_final=False)), state=state)) == ["Bom dia."]
    gone = tick(state, 60 * S)
    assert texts(played((61, said(1, "Boa noite.")), state=gone)) == []


def test_partial_may_only_grow():
    state = played((0, said(1, "Bom", source="Good", is_final=False)))
    grown = played((1, said(1, "Bom dia", source="Good morning", is_final=False)), state=state)
    assert texts(grown) == ["Bom dia"]
    assert grown.captions[0].shown_ns == 0
    assert grown.captions[0].steady
    assert texts(played((2, said(1, "Boa tarde", source="Good day", is_final=False)), state=grown)) == ["Bom dia"]
    assert texts(played((2, said(1, "Bom", source="Good", is_final=False)), state=grown)) == ["Bom dia"]
    final = played((2, said(1, "Bom dia!", source="Good morning!")), state=grown)
    assert texts(final) == ["Bom dia!"]
    assert final.captions[0].is_final


def test_partial_whose_beginning_was_read_shows_only_its_rest():
    def thirds(source, text, *_):
        return [("", text[n : n + 3]) for n in range(0, len(text), 3)]

    state = played((0, said(1, "aaabbbccc", is_final=False)), split=thirds)
    state = tick(state, int(1.3 * S))
    assert texts(state) == ["bbb", "ccc"]
    state = played((1.4, said(1, "aaabbbcccddd", is_final=False)), state=state, split=thirds)
    assert texts(state) == ["bbb", "ccc"]
    assert [c.text for c in state.waiting] == ["ddd"]


def test_empty_subtitle_shows_nothing():
    state = played((0, SpeechStarted(0, 1)), (1, said(1, "", source="")))
    assert state.captions == ()
    assert state.listening == ()


def test_backlog_is_cut_and_reported():
    state = START
    for number in range(1, 20):
        state = reduce(state, said(number, "x" * 80), 0)
    assert len(state.waiting) == MAX_WAITING
    assert [c.utterance for c in state.waiting] == list(range(12, 20))
    assert "skipped" in state.notices[0].text
    assert len(state.history) == 19


def test_late_captions_are_reported():
    assert played((4, said(1, at_s=0.5))).notices == ()
    state = played((9, said(1, at_s=0.5)))
    assert [n.text for n in state.notices] == ["Captions are 8 s behind"]
    assert tick(state, 13 * S).notices == ()


def test_notices_have_durations():
    state = played((0, StageFailed(0, "speech", "no memory")), (1, AudioLost(0, 2.34)))
    assert [n.text for n in state.notices] == ["speech: no memory", "2.3 s of speech were skipped"]
    assert [n.key for n in tick(state, int(6.5 * S)).notices] == ["audio"]
    assert tick(state, 8 * S).notices == ()


def test_lost_source_is_shown_until_it_is_back():
    state = played((0, SourceLost(0, "microphone", "Microphone unplugged")))
    assert next_change_ns(state) is None
    state = tick(state, 3600 * S)
    assert [n.text for n in state.notices] == ["Microphone unplugged"]
    state = played((3601, SourceRestored(0, "microphone")), state=state)
    assert [n.text for n in state.notices] == ["microphone is back"]
    assert tick(state, 3605 * S).notices == ()


def test_same_notice_is_not_repeated():
    state = played((0, StageFailed(0, "speech", "one")), (1, StageFailed(0, "speech", "two")))
    assert [n.text for n in state.notices] == ["speech: two"]


def test_history_is_bounded_and_holds_finals_only():
    state = HudState(settings=HudSettings(history=3))
    for number in range(1, 6):
        state = reduce(state, said(number), number * S)
    state = reduce(state, said(9, is_final=False), 9 * S)
    assert [h.utterance for h in state.history] == [3, 4, 5]
    assert reduce(HudState(settings=HudSettings(history=0)), said(1), 0).history == ()


def test_time_never_runs_backwards():
    state = tick(START, 5 * S)
    assert reduce(state, said(1), 1 * S).captions[0].shown_ns == 5 * S
    assert tick(state, 1 * S).now_ns == 5 * S


def test_source_only_is_timed_by_the_source():
    state = HudState(settings=HudSettings(show="source"))
    state = reduce(state, said(1, "x" * 500, source="Hi."), 0)
    assert next_change_ns(state) == 6 * S


def event_lists():
    subtitle = st.builds(
        lambda number, text, final: ("subtitle", number, text, final),
        st.integers(1, 12),
        st.text("ab 你", min_size=0, max_size=60),
        st.booleans(),
    )
    speech = st.tuples(st.just("speech"), st.integers(1, 12))
    return st.lists(st.tuples(st.integers(0, 4000), st.one_of(subtitle, speech)), max_size=25)


def states(timed, split=halves):
    """Every state a HUD goes through, at every change on the way."""
    state, now = START, 0
    found = [state]
    for wait_ms, what in timed:
        now += wait_ms * 1_000_000
        while (change := next_change_ns(state)) is not None and change < now:
            state = tick(state, change)
            found.append(state)
        if what[0] == "speech":
            event = SpeechStarted(now, what[1])
        else:
            event = Subtitle(now, what[1], what[2], what[2], "en", "pt", what[3])
        state = reduce(state, event, now, split)
        found.append(state)
    while (change := next_change_ns(state)) is not None:
        state = tick(state, change)
        found.append(state)
    return found


@settings(max_examples=150, deadline=None)
@given(event_lists())
def test_invariants_of_reading(timed):
    gone = set()
    before = START
    for state in states(timed):
        keys = [(c.utterance, c.part) for c in state.captions]
        old = {(c.utterance, c.part): c for c in before.captions}
        assert len(keys) == len(set(keys)) <= MAX_VISIBLE
        assert not gone & set(keys) or not all(c.is_final for c in state.captions)
        for place, caption in enumerate(state.captions):
            earlier = old.get(keys[place])
            if earlier is None:
                continue
            assert place <= before.captions.index(earlier)  # moves up only
            if earlier.is_final:
                assert (caption.source, caption.text) == (earlier.source, earlier.text)
            assert caption.shown_ns == earlier.shown_ns
        for key, caption in old.items():
            if key not in keys and caption.is_final:
                gone.add(key)
                assert state.now_ns - caption.shown_ns >= state.settings.min_caption_s * S * 0.999
                assert state.now_ns - caption.shown_ns >= read_s(caption.text, state.settings) / 2 * S * 0.999
        before = state
    assert before.captions == ()
    assert before.waiting == ()


@settings(max_examples=50, deadline=None)
@given(event_lists())
def test_same_events_give_same_states(timed):
    assert states(timed) == states(timed)


@settings(max_examples=50, deadline=None)
@given(event_lists(), st.integers(1, 999))
def test_nothing_changes_before_the_next_change(timed, per_mille):
    for state in states(timed):
        change = next_change_ns(state)
        if change is None or change <= state.now_ns:
            continue
        between = tick(state, state.now_ns + (change - state.now_ns - 1) * per_mille // 1000)
        assert replace(between, now_ns=0) == replace(state, now_ns=0)
        assert replace(tick(state, change), now_ns=0) != replace(state, now_ns=0)


def pace(level, reason="lag", sense="signs"):
    return SenseChanged(0, sense, level, reason)


def test_a_sense_that_steps_down_is_told_until_it_recovers():
    state = reduce(HudState(), pace("slow"), 0)
    assert [n.text for n in state.notices] == ["signs slowed: speech first"]
    state = reduce(state, pace("off"), 60 * S)
    assert [n.text for n in state.notices] == ["signs paused: speech first"]
    state = reduce(state, pace("off", "temperature", "scene"), 61 * S)
    assert [n.text for n in state.notices] == ["signs paused: speech first", "scene paused: the device is hot"]
    state = reduce(state, pace("full", "recovered"), 62 * S)
    assert [n.text for n in state.notices] == ["scene paused: the device is hot"]


def test_seen_things_are_part_of_the_state():
    state = reduce(HudState(), SceneRecognized(0, "mug", "caneca", 0.9, "pt"), 0)
    assert state.seen.scene == "caneca"
    state = reduce(state, SceneRecognized(0, "unknown", "", 0.2, "pt"), 10 * S)
    assert next_change_ns(state) == int(11.5 * S)
    assert tick(state, 11 * S).seen.scene == "caneca"
    assert tick(state, 12 * S).seen.scene == ""
    assert next_change_ns(tick(state, 12 * S)) is None
