"""The four observations of the paper (Rosales, Munoz and Paulitsch 2023), each as a statistic with a fixed rule.

Margins, fewest units and the metrics that count are judgements. They stand as constants in the modules, with their
reasons; docs/paper.md says when they were set.
"""
