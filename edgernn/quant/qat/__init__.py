"""Quantization-aware training: PyTorch trains a module while its integers run. This room needs torch."""
