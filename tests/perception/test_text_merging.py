import pytest

from edge.perception.text_merging import best_lines, shared_area, worth
from edge.results import TextLine


def box(left, top, width, height):
    return ((left, top), (left + width, top), (left + width, top + height), (left, top + height))


def line(text, confidence, left=0.0, top=0.0, width=100.0, height=20.0):
    return TextLine(box(left, top, width, height), text, confidence)


def test_where_two_looks_saw_the_same_the_surer_stays():
    assert [one.text for one in best_lines([line("EXTT", 0.7)], [line("EXIT", 0.95, left=2)])] == ["EXIT"]


def test_a_whole_line_wins_over_its_part_in_another_look():
    whole, part = line("WHY PAY FOR", 0.9), line("PAY", 0.99, left=40, width=25)
    assert best_lines([part], [whole]) == [whole]


def test_a_guess_does_not_win_by_its_length():
    guess, word = line("iIlliIilIiI", 0.5), line("MENU", 0.99)
    assert best_lines([guess], [word]) == [word]


def test_tight_lines_of_one_look_both_stay():
    above, below = line("HAVRE", 0.99), line("DRYCK", 0.9, top=9)
    assert best_lines([above, below]) == [above, below]
    assert best_lines([above], [below]) == [above]


def test_neighbours_stay_and_come_from_top_to_bottom():
    first = [line("third", 0.9, top=50), line("first", 0.9)]
    assert [one.text for one in best_lines(first, [line("second", 0.9, top=17)])] == ["first", "second", "third"]


def test_nothing_gives_nothing():
    assert best_lines() == best_lines([], []) == []


def test_worth_counts_letters_not_signs():
    assert worth(line("ab!?", 0.95)) == pytest.approx(worth(line("ab", 0.95)))
    assert worth(line("ab", 0.2)) < 0


def test_shared_area_of_turned_rectangles():
    diamond = ((10.0, 0.0), (20.0, 10.0), (10.0, 20.0), (0.0, 10.0))
    assert shared_area(diamond, box(0.0, 0.0, 20.0, 20.0)) == pytest.approx(200, abs=1)
    assert shared_area(diamond, box(0.0, 0.0, 10.0, 20.0)) == pytest.approx(100, abs=1)
    assert shared_area(diamond, box(30.0, 0.0, 5.0, 5.0)) == 0.0
