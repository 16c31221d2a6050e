"""Reference pages and the schema of studies, written from the code by `python -m resiliency.reference`."""
