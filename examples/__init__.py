"""Applications of edgernn on real data, each from training to deployment."""
