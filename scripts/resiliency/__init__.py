"""The science behind the pipeline: importable and testable without Snakemake."""

import gc

# Importing torch and timm makes objects by the hundred thousand, all of which stay: at Python's default threshold,
# looking for garbage among them takes a quarter of the start of every job.
gc.set_threshold(50_000, 10, 10)
