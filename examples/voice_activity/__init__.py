"""Voice activity: when somebody speaks, in a stream of audio samples."""
