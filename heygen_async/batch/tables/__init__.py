"""Read rows of tables as items of a run: frames, their columns and the values in their cells."""
