"""Files and tables: written whole or not at all, and which of them the last run made."""
