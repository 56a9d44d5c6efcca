"""Trained models by other people: their weights, read from the packages that ship them, through this project."""
