"""Trials of code that is not ours, before the first job: designs, and what other packages add."""
