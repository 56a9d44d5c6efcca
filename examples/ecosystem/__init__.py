"""Models as they stand in tutorials and repositories, unchanged: nothing in them knows of edgernn."""
