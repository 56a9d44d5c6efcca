"""The boards that artifacts run on: a folder each, with a ``board.toml``."""
