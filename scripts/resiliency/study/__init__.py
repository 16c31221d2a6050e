"""The study: its configuration, its possible faults, and its needs."""
