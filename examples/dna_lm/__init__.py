"""A language model of DNA: an LSTM that says which base comes next on chromosome I of yeast."""
