"""Whether a sentence speaks well or ill of something: a GRU over words."""
