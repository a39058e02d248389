from dataclasses import replace

from edge.events import (
    ObjectsDetected,
    SceneRecognized,
    SeenObject,
    SenseChanged,
    SignsMoved,
    SignTranslated,
    SourceLost,
    SpeechStarted,
    StageFailed,
)
from edge.hud.seen import KEPT_SIGNS, Seen, fade, see

S = 1_000_000_000


def box(x=0.0):
    return ((x, 0.0), (x + 50, 0.0), (x + 50, 20.0), (x, 20.0))


def sign(region=1, translation="SAÍDA", x=0.0):
    return SignTranslated(0, region, box(x), "EXIT", translation, "en", "pt")


def scene(label="mug", name="caneca", score=0.9):
    return SceneRecognized(0, label, name, score, "pt")


def after(*events, now_ns=0):
    seen = Seen()
    for event in events:
        seen = see(seen, event, now_ns)
    return seen


def test_a_sign_is_in_sight_where_it_was_translated():
    assert after(sign()).in_sight == ((sign(), box()),)


def test_signs_move():
    seen = after(sign(1), sign(2, x=200), SignsMoved(0, ((1, box(10)), (2, box(210)))))
    assert seen.in_sight == ((sign(1), box(10)), (sign(2, x=200), box(210)))


def test_signs_that_are_not_listed_go_and_come_back_with_what_was_known():
    seen = after(sign(1), sign(2, x=200), SignsMoved(0, ((2, box(210)),)))
    assert [s.region for s, _ in seen.in_sight] == [2]
    seen = see(seen, SignsMoved(0, ((1, box(5)), (2, box(210)))), 0)
    assert seen.in_sight[0] == (sign(1), box(5))


def test_places_of_unknown_signs_are_passed_over():
    assert after(SignsMoved(0, ((7, box()),))).in_sight == ()


def test_a_sign_told_again_replaces_itself():
    seen = after(sign(1), sign(2, x=200), sign(1, "FIM", x=30))
    assert {s.region: (s.translation, where) for s, where in seen.in_sight} == {
        1: ("FIM", box(30)),
        2: ("SAÍDA", box(200)),
    }
    assert len(seen.signs) == 2


def test_signs_do_not_pile_up():
    seen = after(*(sign(n) for n in range(3 * KEPT_SIGNS)))
    assert len(seen.signs) == len(seen.places) == KEPT_SIGNS
    assert seen.signs[-1].region == 3 * KEPT_SIGNS - 1


def test_signs_are_out_of_sight_while_nobody_follows_them():
    off = SenseChanged(0, "signs", "off", "lag")
    assert after(sign(), off).in_sight == ()
    assert after(sign(), off, SignsMoved(0, ((1, box(3)),))).in_sight == ((sign(), box(3)),)
    assert after(sign(), replace(off, level="slow")).in_sight == ((sign(), box()),)
    assert after(sign(), replace(off, sense="scene")).in_sight == ((sign(), box()),)


def test_a_scene_has_a_name_until_it_has_another():
    assert after(scene()).scene == "caneca"
    assert after(scene(), scene("cup", "xícara")).scene == "xícara"


def test_unknown_never_has_a_name():
    assert after(scene("unknown", "desconhecido")).scene == ""


def test_one_look_that_fails_does_not_flicker():
    seen = after(scene(), scene("unknown", ""), now_ns=10 * S)
    assert fade(seen, 11 * S).scene == "caneca"
    again = fade(see(seen, scene(), 11 * S), 20 * S)
    assert (again.scene, again.scene_until_ns) == ("caneca", None)
    assert fade(seen, int(11.5 * S)).scene == ""


def test_further_failures_do_not_prolong_the_name():
    seen = after(scene(), scene("unknown", ""), now_ns=10 * S)
    assert see(seen, scene("unknown", ""), 11 * S).scene_until_ns == seen.scene_until_ns


def test_the_name_goes_when_the_sense_is_off():
    seen = see(after(scene()), SenseChanged(0, "scene", "off", "lag"), 0)
    assert fade(seen, 2 * S).scene == ""


def objects(*numbers):
    return ObjectsDetected(0, tuple(SeenObject(n, "cup", "xícara", 0.9, (0, 0, 9, 9)) for n in numbers), "pt")


def test_things_are_those_told_last():
    assert [one.number for one in after(objects(1, 2), objects(2, 3)).objects] == [2, 3]
    assert after(objects(1), objects()).objects == ()


def test_things_go_when_nobody_looks_for_them_any_more():
    off = SenseChanged(0, "objects", "off", "lag")
    for end in (off, StageFailed(0, "objects", "broken"), SourceLost(0, "camera", "unplugged")):
        assert after(objects(1), end).objects == ()
        assert after(scene(), objects(1), end).scene == "caneca"
    for other in (replace(off, level="slow"), replace(off, sense="signs"), StageFailed(0, "scene", "broken"),
                  SourceLost(0, "microphone", "unplugged")):  # fmt: skip
        assert len(after(objects(1), other).objects) == 1


def test_other_events_change_nothing():
    seen = after(sign(), scene(), objects(1))
    assert see(seen, SpeechStarted(0, 1), 0) is seen
    assert fade(seen, 100 * S) is seen
