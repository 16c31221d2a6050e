"""The charts of the report: a module for each, which `registry` lists."""
