"""An overdrive pedal, sample by sample: a circuit that is simulated, and a model of it that runs on a board."""
