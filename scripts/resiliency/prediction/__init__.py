"""Networks asked: logits, written condition by condition and read, and where in an image a network looks."""
