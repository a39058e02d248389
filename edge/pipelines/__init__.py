"""Media in, events out: one feature per module, as generator functions that receive callables."""
