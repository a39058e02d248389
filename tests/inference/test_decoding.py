import dataclasses
import math

import numpy as np
import pytest

from edge.inference.decoding import Rules, _top, beam, greedy, mask, probabilities, without_loop

END = 0
LETTERS = ".abcdefghijklmnopqrstuvwxyz"


def ids(text):
    return tuple(LETTERS.index(letter) for letter in text)


class Script:
    """A decoder whose next-token probabilities depend on the text so far; the past is the text itself."""

    def __init__(self, table):
        self.table = table
        self.vocabulary = len(LETTERS)
        self.batches = []

    def logits(self, text):
        shares = np.full(self.vocabulary, 1e-9)
        for letter, share in self.table(text).items():
            shares[LETTERS.index(letter)] = share
        return np.log(shares / shares.sum()).astype(np.float32)

    def start(self):
        return self.logits("")[None], (np.zeros((1, 0), np.float32),)

    def step(self, tokens, past):
        assert len(tokens) == len(past[0])
        self.batches.append(len(tokens))
        texts = np.concatenate([past[0], tokens.astype(np.float32)], axis=1)
        said = ["".join(LETTERS[int(token)] for token in row) for row in texts]
        return np.stack([self.logits(text) for text in said]), (texts,)


def words(*sequences):
    """Probabilities of whole sequences, turned into those of the next letter."""

    def table(text):
        shares = {}
        for sequence, share in sequences:
            full = sequence + "."
            if full.startswith(text) and len(full) > len(text):
                shares[full[len(text)]] = shares.get(full[len(text)], 0) + share
        return shares or {".": 1.0}

    return table


def rules(most=30, forbidden=(), first=()):
    size = len(LETTERS)
    return Rules(END, mask(size, forbidden), mask(size, [*forbidden, *first]), most)


def run_greedy(script, allowed):
    return greedy(script.step, *script.start(), allowed)


def run_beam(script, allowed, width, lag=math.inf):
    return beam(script.step, *script.start(), allowed, width, lag)


def test_greedy_takes_the_likeliest_token_until_the_end():
    found = run_greedy(Script(words(("hello", 0.7), ("help", 0.3))), rules())
    assert found.tokens == ids("hello")
    assert found.stop == "end"
    assert len(found.log_probabilities) == 6
    assert sum(found.log_probabilities) == pytest.approx(math.log(0.7), abs=1e-4)
    assert found.mean_log_probability == pytest.approx(math.log(0.7) / 6, abs=1e-4)


def test_forbidden_tokens_are_never_taken():
    script = Script(words(("xa", 0.6), ("ba", 0.4)))
    assert run_greedy(script, rules(forbidden=ids("x"))).tokens == ids("ba")
    assert run_beam(script, rules(forbidden=ids("x")), 3).tokens == ids("ba")


def test_first_step_has_its_own_prohibitions():
    script = Script(words(("", 0.9), ("ab", 0.1)))
    assert run_greedy(script, rules()).tokens == ()
    assert run_greedy(script, rules(first=[END])).tokens == ids("ab")
    assert run_beam(script, rules(first=[END]), 2).tokens == ids("ab")


def test_the_last_token_is_kept():
    for text in ("a", "ab", "the end"[4:]):
        assert run_greedy(Script(words((text, 1.0))), rules()).tokens == ids(text)
        assert run_beam(Script(words((text, 1.0))), rules(), 3).tokens == ids(text)


def test_longest_sequence_is_cut():
    found = run_greedy(Script(words(("abcdefgh", 1.0))), rules(most=4))
    assert (found.tokens, found.stop) == (ids("abcd"), "length")
    found = run_beam(Script(words(("abcdefgh", 1.0))), rules(most=4), 2)
    assert (found.tokens, found.stop) == (ids("abcd"), "length")


def test_a_loop_is_stopped_and_one_copy_kept():
    script = Script(lambda text: {"abc"[len(text) % 3]: 1.0})
    found = run_greedy(script, rules())
    assert (found.tokens, found.stop) == (ids("abc"), "repetition")
    assert len(script.batches) == 8
    found = run_beam(Script(lambda text: {"abc"[len(text) % 3]: 1.0}), rules(), 3, 2.0)
    assert (found.tokens, found.stop) == (ids("abc"), "repetition")


def test_beam_prefers_an_ending_to_a_loop():
    """A looped hypothesis is likely token by token; it is used only when nothing ends."""

    def table(text):
        return {"abc"[len(text) % 3]: 0.8, ".": 0.2} if len(text) >= 3 else {"abc"[len(text)]: 1.0}

    found = run_beam(Script(table), rules(), 2)
    assert found.stop == "end"
    assert found.tokens[:3] == ids("abc")


def test_beam_finds_what_greedy_misses():
    def table(text):
        first = {"a": 0.5, "b": 0.4, "c": 0.1}
        after = {"a": dict.fromkeys("defghijklm", 0.1), "b": {"z": 1.0}}
        return first if not text else after.get(text, {".": 1.0})

    assert run_greedy(Script(table), rules()).tokens[0] == ids("a")[0]
    assert run_beam(Script(table), rules(), 2).tokens == ids("bz")


def test_beam_of_one_is_greedy():
    rng = np.random.default_rng(0)
    ended = 0
    for seed in range(20):
        chances = rng.dirichlet(np.ones(6) * 0.3, size=40)

        def table(text, chances=chances, seed=seed):
            row = chances[(sum(map(ord, text)) * 7 + seed) % 40]
            return dict(zip(".abcde", row, strict=True))

        one, plain = run_beam(Script(table), rules(), 1), run_greedy(Script(table), rules())
        if plain.stop == "end":  # greedy gives up in a loop, a beam looks for another way
            ended += 1
            assert one.tokens == plain.tokens
            assert one.log_probabilities == plain.log_probabilities
    assert ended > 5


def exhaustive(table, longest):
    """The likeliest sequence by mean log-probability, by trying all."""
    best, stack = (-math.inf, ""), [("", 0.0)]
    while stack:
        text, total = stack.pop()
        shares = table(text)
        for letter, share in shares.items():
            score = total + math.log(share / sum(shares.values()))
            if letter == ".":
                best = max(best, (score / (len(text) + 1), text))
            elif len(text) < longest:
                stack.append((text + letter, score))
    return best[1]


def test_a_wide_beam_finds_the_best_of_all():
    rng = np.random.default_rng(5)
    for _ in range(10):
        chances = {}

        def table(text, chances=chances):
            if len(text) == 3:
                return {".": 1.0}
            if text not in chances:
                chances[text] = dict(zip(".abc", rng.dirichlet(np.ones(4)), strict=True))
            return chances[text]

        assert run_beam(Script(table), rules(), 120).tokens == ids(exhaustive(table, 3))


def test_a_sure_decoder_runs_a_narrow_beam():
    sure, unsure = Script(words(("abcdefgh", 0.99), ("xyz", 0.01))), Script(words(("abcdefgh", 0.5), ("xyz", 0.5)))
    assert run_beam(sure, rules(), 3, lag=3.0).tokens == ids("abcdefgh")
    run_beam(unsure, rules(), 3, lag=3.0)
    assert set(sure.batches) == {1}
    assert max(unsure.batches) == 2


def test_the_past_follows_its_hypothesis():
    """Rows change places when the second hypothesis overtakes the first."""

    def table(text):
        return {
            "": {"a": 0.6, "b": 0.4},
            "a": dict.fromkeys("cdefghij", 0.125),
            "b": {"k": 0.9, "l": 0.1},
            "bk": {"m": 1.0},
            "bkm": {".": 1.0},
        }.get(text, {".": 1.0})

    assert run_beam(Script(table), rules(), 3).tokens == ids("bkm")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("abcabcabc", "abc"),
        ("xyzabcabcabc", "xyzabc"),
        ("abcabc", "abcabc"),
        ("aaaa", "aaaa"),
        ("aaaaa", "a"),
        ("abababab", "abababab"),
        ("ababababab", "ab"),
        ("failagainfailbetter", "failagainfailbetter"),
        ("", ""),
        ("a", "a"),
    ],
)
def test_loops(text, kept):
    assert "".join(without_loop(text)) == kept


def test_a_long_stretch_three_times_is_a_loop():
    stretch = tuple(range(24))
    assert without_loop(stretch * 3) == stretch
    assert without_loop(stretch * 2) == stretch * 2


def test_mask_and_probabilities():
    values = mask(6, [1], start=4)
    np.testing.assert_array_equal(np.isinf(values), [False, True, False, False, True, True])
    shares = probabilities(np.array([[1000.0, 1000.0], [0.0, -np.inf]], np.float32))
    np.testing.assert_allclose(shares, [[0.5, 0.5], [1.0, 0.0]])


@pytest.mark.parametrize("size", [5, 100, 64 * 10, 51865])
@pytest.mark.parametrize("count", [1, 4, 5])
def test_top_equals_a_sort(size, count):
    rng = np.random.default_rng(size)
    row = rng.standard_normal(size).astype(np.float32)
    row[rng.integers(0, size, size // 3)] = -np.inf
    row[-1] = 9
    assert sorted(row[_top(row, count)]) == sorted(np.sort(row)[-count:])


def test_what_may_repeat_goes_on_to_its_end():
    script = words(("abc" * 4 + "d", 1.0))
    allowed = dataclasses.replace(rules(), may_repeat=True)
    for found in (run_greedy(Script(script), allowed), run_beam(Script(script), allowed, 3)):
        assert (found.tokens, found.stop) == (ids("abc" * 4 + "d"), "end")
    assert run_greedy(Script(script), rules()).stop == "repetition"
