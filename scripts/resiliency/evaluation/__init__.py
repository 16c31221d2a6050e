"""Evaluation of any classifier that is a function, and corruptions for programs and training of one's own."""
