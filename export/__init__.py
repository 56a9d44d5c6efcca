"""Writers of artifacts, one package per format. Imported as ``edgernn.export``."""
