"""Erasure, text changes and jitter: nothing where nothing changes, and what was planted where something was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bench.stability import Erasure, Shown, Timeline, jitter_px, text_changes, within

S = 1_000_000_000


def normalised_erasure(captions):
    erasure = Erasure()
    for told in captions:
        erasure.add(told)
    return erasure.normalised


def timeline(events):
    return [moment for moment in map(Timeline().add, events) if moment is not None]


def caption(utterance, text):
    return {"event": "Subtitle", "captured_ns": 0, "utterance": utterance, "text": text, "latency_ms": 1.0}


def box(x=100.0, y=50.0, w=200.0, h=60.0):
    return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]


def sign(region, text, at_s=0.0, where=None, latency_ms=0.0):
    return {"event": "SignTranslated", "captured_ns": int(at_s * S), "region": region, "text": text,
            "box": where or box(), "latency_ms": latency_ms}  # fmt: skip


def moved(at_s, **boxes):
    return {"event": "SignsMoved", "captured_ns": int(at_s * S), "boxes": [[int(n[1:]), b] for n, b in boxes.items()]}


class TestErasure:
    def test_finals_that_never_change_erase_nothing(self):
        assert normalised_erasure([caption(1, "good morning"), caption(2, "bom dia")]) == 0.0

    def test_no_caption_is_no_number(self):
        assert normalised_erasure([]) is None
        assert normalised_erasure([caption(1, "")]) is None

    def test_growing_erases_nothing(self):
        assert normalised_erasure([caption(1, "good"), caption(1, "good mor"), caption(1, "good morning")]) == 0.0

    def test_what_stands_behind_the_common_beginning_is_taken_back(self):
        told = [caption(1, "we went to"), caption(2, "other"), caption(1, "we want too")]
        assert normalised_erasure(told) == pytest.approx(6 / (11 + 5))  # "ent to"

    def test_shortening_erases(self):
        assert normalised_erasure([caption(1, "abcdef"), caption(1, "abc")]) == 1.0

    @given(st.lists(st.tuples(st.integers(0, 3), st.text(max_size=12)), max_size=12))
    def test_never_negative_and_zero_exactly_when_everything_only_grew(self, told):
        value = normalised_erasure([caption(*one) for one in told])
        last = {}
        grew = True
        for utterance, text in told:
            grew &= text.startswith(last.get(utterance, ""))
            last[utterance] = text
        assert value is None or value >= 0.0
        assert (value is None and not any(last.values())) or (value == 0.0) == grew

    @given(st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=8))
    def test_utterances_apart_do_not_matter_to_each_other(self, texts):
        assert normalised_erasure([caption(number, text) for number, text in enumerate(texts)]) == 0.0


class TestTimeline:
    def test_a_sign_is_on_show_when_it_was_shown_not_when_it_was_seen(self):
        shown = timeline([sign(1, "EXIT", at_s=1.0, latency_ms=400.0)])
        assert [(moment.at_ns, dict(moment.overlays)) for moment in shown] == [
            (1_400_000_000, {1: ("EXIT", tuple(map(tuple, box())))})
        ]

    def test_moving_going_and_coming_back(self):
        shown = timeline(
            [sign(1, "A"), {"event": "Subtitle"}, moved(2, r1=box(110)), moved(3), moved(4, r1=box(), r9=box())]
        )
        assert [sorted(moment.overlays) for moment in shown] == [[1], [1], [], [1]]  # 9 was never told
        assert shown[1].overlays[1][1][0] == (110.0, 50.0)
        assert shown[3].overlays[1][0] == "A"

    def test_time_never_runs_back(self):
        shown = timeline([sign(1, "A", at_s=1, latency_ms=900), moved(1.5, r1=box()), sign(2, "B", at_s=1.2)])
        assert [moment.at_ns for moment in shown] == [1_900_000_000] * 3

    def test_never_shown_counts_from_when_it_was_seen(self):
        assert timeline([sign(1, "A", at_s=1) | {"latency_ms": None}])[0].at_ns == S

    def test_an_interval_begins_with_what_is_on_show(self):
        shown = timeline([sign(1, "A", at_s=1), moved(3, r1=box(5)), moved(6)])
        assert [moment.at_ns for moment in within(shown, (2 * S, 5 * S))] == [2 * S, 3 * S]
        assert within(shown, (0, S)) == []
        assert [sorted(moment.overlays) for moment in within(shown, (7 * S, 8 * S))] == [[]]


def shows(*moments):
    return [
        Shown(number * S, {region: (text, tuple(map(tuple, where))) for region, text, where in overlays})
        for number, overlays in enumerate(moments)
    ]


class TestTextChanges:
    def test_a_text_that_stays_and_neighbours_that_come(self):
        a, b = (1, "A", box()), (2, "B", box(y=300))
        assert text_changes(shows([a], [a, b], [b, a])) == 0
        assert text_changes([]) == 0

    def test_another_text_under_the_same_number_and_under_another(self):
        assert text_changes(shows([(1, "OFFICE", box())], [(1, "0FFICE", box())])) == 1
        assert text_changes(shows([(1, "OFFICE", box())], [(2, "0FFICE", box(x=108))])) == 1

    def test_the_same_text_under_another_number_is_no_change(self):
        assert text_changes(shows([(1, "OFFICE", box())], [(2, "OFFICE", box(x=101))])) == 0

    def test_going_and_coming_back_are_two(self):
        a = (1, "A", box())
        assert text_changes(shows([a], [])) == 1
        assert text_changes(shows([a], [], [], [a])) == 2

    def test_moving_is_no_change(self):
        assert text_changes(shows(*([(1, "A", box(x=100 + 5 * step))] for step in range(200)))) == 0

    @given(st.lists(st.sampled_from(["A", "B", None]), min_size=1, max_size=30))
    def test_planted_flicker_is_counted(self, texts):
        moments = shows(*([(1, text, box())] if text else [] for text in texts))
        first = next((at for at, text in enumerate(texts) if text), len(texts))
        wanted = sum(a != b for a, b in zip(texts[first:], texts[first + 1 :], strict=False))
        assert text_changes(moments) == wanted


def walk(path, step_s=1 / 15):
    return [
        Shown(int(number * step_s * S), {1: ("A", tuple(map(tuple, box(x=x, y=y))))})
        for number, (x, y) in enumerate(path)
    ]


class TestJitter:
    def test_a_box_that_stands_still_has_none(self):
        assert jitter_px(walk([(100, 50)] * 40)) == {1: 0.0}
        assert jitter_px(walk([(100, 50)])) == {1: 0.0}
        assert jitter_px([]) == {}

    @given(st.floats(-30, 30), st.floats(-30, 30), st.integers(3, 60))
    def test_a_steady_pan_has_none(self, dx, dy, length):
        path = [(100 + dx * at, 50 + dy * at) for at in range(length)]
        assert jitter_px(walk(path))[1] == pytest.approx(0.0, abs=1e-6 if length > 4 else 40)

    def test_a_head_that_starts_slowly_has_next_to_none(self):
        path = [(100 + 40 * (1 - np.cos(np.pi * at / 60)) / 2, 50) for at in range(61)]
        assert jitter_px(walk(path))[1] < 0.01

    @pytest.mark.parametrize("speed", [0.0, 6.0])
    @pytest.mark.parametrize("px", [0.5, 2.0, 8.0])
    def test_planted_trembling_is_measured(self, px, speed):
        noise = np.random.default_rng(3).normal(0, px, (400, 2))
        path = [(100 + speed * at + dx, 50 + dy) for at, (dx, dy) in enumerate(noise)]
        assert jitter_px(walk(path))[1] == pytest.approx(px, rel=0.25)

    def test_every_region_has_its_own(self):
        calm, wild = box(), box(y=300)
        moments = [
            Shown(
                at * S // 15, {1: ("A", tuple(map(tuple, calm))), 2: ("B", tuple(map(tuple, box(4 * (at % 2), 300))))}
            )
            for at in range(40)
        ]
        assert wild != calm
        found = jitter_px(moments)
        assert found[1] == 0.0
        assert 1.0 < found[2] < 2.5  # the x of corners 4 px apart, the y not at all

    @given(st.integers(0, 10**6), st.floats(0.01, 5))
    def test_scales_with_the_picture(self, seed, scale):
        path = np.random.default_rng(seed).normal(0, 3, (30, 2))
        # corners apart from their common shift do not matter
        one = jitter_px(walk([(100 + x, 50 + y) for x, y in path]))[1]
        other = jitter_px(walk([(100 + scale * x, 50 + scale * y) for x, y in path]))[1]
        assert other == pytest.approx(scale * one, rel=1e-6)
