"""What kind of stroke a pen draws, while it draws: a GRU that takes positions, judged on characters never seen."""
