"""Activity from a wrist IMU: a GRU classifier, judged on people it has never seen."""
