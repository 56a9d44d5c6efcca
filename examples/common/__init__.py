"""What the examples share: exporting to every format, measuring fresh processes."""
