"""Charts and the report page, and the provenance of results."""
