"""A character model that writes text: an LSTM that says what comes next, and a sampler that chooses."""
