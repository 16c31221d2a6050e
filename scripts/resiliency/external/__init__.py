"""Members whose predictions or scores were computed elsewhere: reading and checking the files that
hold them."""
