"""Files and tables: written whole or not at all, and read with their checksums."""
