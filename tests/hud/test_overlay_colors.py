import numpy as np
import pytest

from edge.hud.overlay_colors import CONTRAST, contrast, inks, luminance, readable

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def test_luminance_of_known_colours():
    assert luminance(WHITE) == pytest.approx(1)
    assert luminance(BLACK) == 0
    assert luminance((0, 255, 0)) == pytest.approx(0.7152)
    assert luminance((0, 0, 255)) == pytest.approx(0.2126)


def test_contrast_of_known_pairs():
    assert contrast(BLACK, [WHITE]) == pytest.approx(21)
    assert contrast((118, 118, 118), [WHITE]) == pytest.approx(4.54, abs=0.01)  # the grey WCAG is quoted with
    assert contrast(WHITE, [BLACK, (200, 200, 200)]) < 2


def test_good_ink_stays_as_it_is():
    assert readable((20, 20, 180), [WHITE]) == (20, 20, 180)


@pytest.mark.parametrize("paper", [(150, 150, 150), (40, 40, 190), (60, 220, 250), (10, 10, 10), (118, 118, 118)])
@pytest.mark.parametrize("ink", [(120, 120, 120), (0, 0, 255), (255, 255, 0), (200, 200, 200)])
def test_any_ink_becomes_readable_on_any_paper(ink, paper):
    assert contrast(readable(ink, [paper]), [paper]) >= CONTRAST


def test_ink_goes_the_way_it_already_leans_and_no_further_than_it_must():
    lighter = readable((200, 120, 60), [(90, 40, 10)])
    assert luminance(lighter) > luminance((200, 120, 60))
    assert lighter != WHITE
    assert readable((100, 100, 100), [(160, 160, 160)])[0] < 100


def test_ink_goes_the_other_way_where_its_own_does_not_reach():
    assert contrast(readable((255, 255, 255), [(200, 200, 200)]), [(200, 200, 200)]) >= CONTRAST


def gradient(low, high, shape=(40, 120)):
    ramp = np.linspace(low, high, shape[1], dtype=np.float32)
    return np.repeat(np.broadcast_to(ramp, shape)[..., None], 3, axis=2).copy()


ALL = [(slice(0, 40), slice(0, 120))]


def test_gentle_light_stays():
    paper = gradient(180, 230)
    found, colors = inks(paper, ALL, (20, 20, 20))
    assert np.array_equal(found, paper)
    assert colors == ((20, 20, 20),)


def test_paper_too_uneven_for_any_ink_is_flattened():
    paper = gradient(0, 255)
    before = paper.copy()
    found, (ink,) = inks(paper, ALL, (128, 128, 128))
    assert np.ptp(found) < 130
    assert contrast(ink, np.percentile(found.reshape(-1, 3), [2, 98], axis=0)) >= CONTRAST
    assert np.array_equal(paper, before)


def test_all_words_of_a_sign_have_one_ink_where_that_can_be():
    paper = gradient(180, 230)
    _, colors = inks(paper, [(slice(0, 40), slice(0, 60)), (slice(0, 40), slice(60, 120))], (150, 150, 150))
    assert colors[0] == colors[1]
    assert contrast(colors[0], [(180, 180, 180)]) >= CONTRAST


def test_words_on_a_field_of_the_colour_of_the_ink_have_an_ink_of_their_own():
    paper = gradient(230, 230)
    paper[:20] = (130, 40, 20)
    areas = [(slice(0, 20), slice(10, 100)), (slice(20, 40), slice(10, 100))]
    found, (above, below) = inks(paper, areas, (130, 40, 20))
    assert np.array_equal(found, paper)
    assert below == (130, 40, 20)
    assert contrast(above, [(130, 40, 20)]) >= CONTRAST


def test_no_words_need_no_ink():
    assert inks(gradient(0, 255), [], (0, 0, 0))[1] == ()
