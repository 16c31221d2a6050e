"""Natural image corruptions (Hendrycks and Dietterich, ICLR 2019)."""
