"""Electricity demand 1 and 24 hours ahead: a stateful GRU that gets one hour of measurements at a time."""
