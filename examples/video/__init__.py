"""Where a digit moves in a film: a CNN for each frame and a GRU, judged on images it has never seen."""
