"""Keywords in a stream of audio samples: the front end is a part of the model."""
