"""Files and tables: written whole or not at all, and read with their checksums; and which of them a run made."""
