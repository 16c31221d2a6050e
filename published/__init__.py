"""The published studies: what is kept of them, and the programs that write their pages. Nothing
imports it."""
