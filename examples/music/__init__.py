"""Chorales: an LSTM that continues music in four voices."""
