"""Reference pages and the schema of studies, written by `python -m resiliency.reference` from what the code says."""
