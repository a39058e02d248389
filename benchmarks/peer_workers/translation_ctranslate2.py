"""CTranslate2 int8 on a twin of our model: the same dimensions, random weights, told how many tokens to write.

CTranslate2 has no SSRU decoder, so the twin has self-attention there. It is given the pack's own shortlist as its
vocabulary map (without one it is several times slower), sentencepiece, and no scores to compute. Its text means
nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from peer_protocol import Order, Prepare, serve


def load(order: Order) -> Prepare:
    """Order: `folder` of the twin, `vocabulary` (sentencepiece), `threads`."""
    import ctranslate2
    import sentencepiece

    translator = ctranslate2.Translator(
        order["folder"], device="cpu", compute_type="int8", inter_threads=1, intra_threads=order["threads"]
    )
    pieces = sentencepiece.SentencePieceProcessor(model_file=order["vocabulary"])

    def prepare(item: Order) -> Callable[[], str]:
        def call() -> str:
            result = translator.translate_batch(
                [pieces.encode(item["text"], out_type=str)],
                beam_size=1,
                min_decoding_length=item["tokens"],
                max_decoding_length=item["tokens"],
                use_vmap=True,
                return_scores=False,
            )
            return str(pieces.decode(result[0].hypotheses[0]))

        return call

    return prepare


if __name__ == "__main__":
    serve(load, ("ctranslate2", "sentencepiece"))
