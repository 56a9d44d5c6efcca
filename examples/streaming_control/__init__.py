"""Control of an exoskeleton: where in the gait cycle its wearer is, a hundred times a second, for hours."""
