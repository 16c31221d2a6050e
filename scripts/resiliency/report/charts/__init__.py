"""The charts of the report, by topic: each is a function that `style.chart` registers under its
name."""
