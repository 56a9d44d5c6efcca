"""Measurements on other machines."""
