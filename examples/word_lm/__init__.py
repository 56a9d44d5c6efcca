"""The next word, after every word: an LSTM language model of 4,096 words for a keyboard."""
