"""The numbers of the gate, against values worked out by hand."""

import pytest

pytestmark = pytest.mark.usefixtures("scripts_on_path")


def box(label="cat", left=0, score=1.0):
    from quality_metrics import Detection

    return Detection(label, (left, 0, left + 10, 10), score)


class TestScore:
    def test_falling_bleu_is_a_loss(self):
        from quality_metrics import Score

        before, after = (Score("BLEU", value, "higher", "flores", 10) for value in (30.0, 26.9))
        assert after.loss_from(before) == pytest.approx(3.1)
        assert before.loss_from(after) == pytest.approx(-3.1)

    def test_rising_word_errors_are_a_loss(self):
        from quality_metrics import Score

        before, after = (Score("WER", value, "lower", "speech", 10) for value in (10.0, 10.4))
        assert after.loss_from(before) == pytest.approx(0.4)


class TestTexts:
    def test_perfect_translations_score_hundred(self):
        from quality_metrics import text_scores

        lines = ["The cat sits on the mat today.", "Where is the next station, please?"]
        assert [(s.metric, round(s.value)) for s in text_scores(lines, lines, "x", "en")] == [
            ("BLEU", 100),
            ("chrF", 100),
        ]

    def test_chinese_is_counted_in_its_own_words(self):
        from quality_metrics import text_scores

        bleu = text_scores(["我喜欢喝咖啡不加糖"], ["我喜欢喝咖啡不加盐"], "x", "zh")[0]
        assert bleu.value > 50  # one character of nine differs; without its tokenizer the sentence is one wrong word

    def test_one_word_of_four_wrong(self):
        from quality_metrics import error_rate

        score = error_rate(["the Cat sat, up"], ["The cat sat down."], "x", "en")
        assert (score.metric, score.value, score.better, score.items) == ("WER", 25.0, "lower", 1)

    def test_languages_without_spaces_count_characters(self):
        from quality_metrics import error_rate

        score = error_rate(["我喜欢茶"], ["我喜欢 糖。"], "x", "zh")
        assert (score.metric, score.value) == ("CER", 25.0)

    def test_empty_references_are_left_out(self):
        from quality_metrics import error_rate

        assert error_rate(["noise", "yes"], ["...", "yes"], "x", "en").items == 1


class TestPictures:
    def test_top_one_and_top_five(self):
        from quality_metrics import top_scores

        rankings = [list("abcdef"), list("bacdef"), list("fedcba")]
        one, five = top_scores(rankings, ["a", "a", "a"], "x")
        assert one.value == pytest.approx(100 / 3)
        assert five.value == pytest.approx(200 / 3)

    def test_overlap_of_boxes(self):
        from quality_metrics import overlap

        assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
        assert overlap((0, 0, 10, 10), (20, 0, 30, 10)) == 0

    def test_all_found_and_nothing_else(self):
        from quality_metrics import mean_average_precision

        assert mean_average_precision([[box()], [box("dog")]], [[box()], [box("dog")]], "x").value == 100

    def test_half_found(self):
        from quality_metrics import mean_average_precision

        # recall goes to 1/2 at precision 1 and no further
        assert mean_average_precision([[box()], []], [[box()], [box()]], "x").value == pytest.approx(50)

    def test_a_surer_wrong_box_costs_precision(self):
        from quality_metrics import mean_average_precision

        found = [[box(left=50, score=0.9), box(score=0.5)]]
        assert mean_average_precision(found, [[box()]], "x").value == pytest.approx(50)

    def test_the_same_thing_twice_counts_once(self):
        from quality_metrics import mean_average_precision

        twice = [[box(score=0.9), box(score=0.8)]]
        both = [[box(), box(left=100)]]
        assert mean_average_precision(twice, both, "x").value == pytest.approx(50)

    def test_mean_over_the_labels_of_the_references(self):
        from quality_metrics import mean_average_precision

        found = [[box(), box("bird", left=70)]]
        assert mean_average_precision(found, [[box(), box("dog", left=30)]], "x").value == pytest.approx(50)


class TestAgreement:
    def test_one_word_of_six(self):
        from quality_metrics import same_texts

        assert same_texts(["a b c", "d e f"], ["a b c", "d x f"]) == pytest.approx(5 / 6)

    def test_texts_without_spaces_by_character(self):
        from quality_metrics import same_texts

        assert same_texts(["我喜欢糖"], ["我喜欢茶"]) == pytest.approx(3 / 4)

    def test_a_loop_is_no_agreement(self):
        from quality_metrics import same_texts

        assert same_texts(["a b"], ["a b " * 20]) < 0.1

    def test_two_silent_models_agree(self):
        from quality_metrics import same_texts

        assert same_texts(["", ""], ["", ""]) == 1

    def test_best_labels(self):
        from quality_metrics import same_first

        assert same_first([["a", "b"], ["b", "a"]], [["a", "b"], ["a", "b"]]) == 0.5

    def test_boxes_need_label_and_place(self):
        from quality_metrics import same_boxes

        one = [[box(), box("dog", left=30)]]
        assert same_boxes(one, [[box(score=0.4), box("dog", left=31)]]) == 1
        assert same_boxes(one, [[box(), box("cat", left=30)]]) == 0.5
