"""Pages of published results, with the tables and charts that they are made from."""
