"""A small neural vocoder: a GRU that says sample by sample how speech with a given mel spectrum goes on."""
