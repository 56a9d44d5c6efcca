"""Parts of speech and names in Japanese sentences, by a bidirectional LSTM over words and their characters."""
