"""Bad input, told in one line."""


class Fault(Exception):
    """Input that cannot be used. The message names the file or key, what is wrong and what would be right."""
