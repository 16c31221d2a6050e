"""The study: its configuration, what can be wrong with it, and what it needs to run."""
