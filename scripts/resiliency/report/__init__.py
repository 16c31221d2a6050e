"""Charts and the report page, and where results came from."""
