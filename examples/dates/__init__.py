"""Dates of many languages to ISO 8601, by an encoder and a decoder with attention."""
