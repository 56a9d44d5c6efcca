"""Spoken-digit recognition: a GRU classifier, trained on real recordings and deployed frame by frame."""
