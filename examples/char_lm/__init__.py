"""Which language a text is in, after every byte of it: an embedding of bytes and a GRU."""
