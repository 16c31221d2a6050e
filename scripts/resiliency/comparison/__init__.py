"""Finished studies side by side: the keys that differ, and differences in error with paired intervals."""
