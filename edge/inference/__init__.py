"""The only importer of onnxruntime and tokenizers: sessions, sequence decoding, tokenization."""
