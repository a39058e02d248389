from edge.bench.answers import Answers


def asked():
    seen = []

    def call(word):
        seen.append(word)
        return word.upper(), len(seen)

    return Answers(call, ["a", "b", "c"]), seen


def test_a_sample_for_each_input():
    answers, seen = asked()
    assert [sample()[0] for sample in answers.samples] == ["A", "B", "C"]
    assert seen == ["a", "b", "c"]


def test_every_call_computes():
    answers, seen = asked()
    answers.samples[1]()
    answers.samples[1]()
    assert seen == ["b", "b"]


def test_quality_sees_the_last_answers_that_were_timed():
    answers, seen = asked()
    for sample in (*answers.samples, *answers.samples):
        sample()
    assert answers.all() == [("A", 4), ("B", 5), ("C", 6)]
    assert len(seen) == 6


def test_what_was_not_timed_is_asked_once():
    answers, seen = asked()
    answers.samples[2]()
    assert answers.all() == [("A", 2), ("B", 3), ("C", 1)]
    assert answers.all() == [("A", 2), ("B", 3), ("C", 1)]
    assert seen == ["c", "a", "b"]


def test_the_first_ones_do_not_ask_for_the_others():
    answers, seen = asked()
    assert answers.first(1) == [("A", 1)]
    assert answers.first(0) == []
    assert seen == ["a"]
