"""Natural image corruptions (Hendrycks and Dietterich, ICLR 2019), by
`resiliency.corruptions.engine.corrupt`."""
