"""What is measured on the machine that runs a model."""
