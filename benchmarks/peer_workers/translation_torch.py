"""MarianMT of transformers on PyTorch, float32, not compiled: our dimensions, random weights, told how many tokens.

It has a self-attention decoder (transformers has no SSRU) and no shortlist. Its text means nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from peer_protocol import Order, Prepare, serve


def load(order: Order) -> Prepare:
    """Order: `vocabulary` (sentencepiece), `threads`."""
    import sentencepiece
    import torch
    from transformers import MarianConfig, MarianMTModel

    torch.set_num_threads(order["threads"])
    torch.manual_seed(0)
    pieces = sentencepiece.SentencePieceProcessor(model_file=order["vocabulary"])
    size = pieces.get_piece_size()
    model = MarianMTModel(
        MarianConfig(
            vocab_size=size + 1,
            d_model=256,
            encoder_layers=6,
            decoder_layers=2,
            encoder_attention_heads=8,
            decoder_attention_heads=8,
            encoder_ffn_dim=1536,
            decoder_ffn_dim=1536,
            pad_token_id=size,
            eos_token_id=0,
            forced_eos_token_id=None,
            decoder_start_token_id=size,
        )
    ).eval()

    def prepare(item: Order) -> Callable[[], str]:
        def call() -> str:
            read = torch.tensor([[*pieces.encode(item["text"]), 0]])
            with torch.inference_mode():
                tokens = model.generate(
                    read,
                    num_beams=1,
                    do_sample=False,
                    min_new_tokens=item["tokens"],
                    max_new_tokens=item["tokens"],
                )
            return str(pieces.decode([token for token in tokens[0].tolist() if token < size]))

        return call

    return prepare


if __name__ == "__main__":
    serve(load, ("torch", "transformers"))
