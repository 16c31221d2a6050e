"""Ensembles of members: which are formed, and how well each does.

In the order of the data: `pool` draws the ensembles, int E x L for L members, that
`table.EnsemblesOfStudy` has scored for the tables of a study. `table.Pool` scores those of the same
M members, of sizes that may differ: under each of C conditions and each rule of `combination` it
asks `scoring` for E scores, and means over conditions become columns. `scoring` takes n images at a
time, as probabilities n x M x K: a `scoring.Tally` sums, for E ensembles under one rule, right
answers, losses (float64 E) and gaps between confidence and accuracy (E x bins). Ensembles come to
it as `scoring.Block`, B of them as int B x L, in an order in which sums over their first members
can be used again. `scoring.panel` picks the few classes that can be the answer to an image, and the
compiled loops of `kernels` sum these, or all K where they do not decide; they also sum what answers
and confidences say over the images, which are never B x n in memory but for the geometric rule.
They also count the votes of members that are known by their decisions alone, int M x N.

`combination` holds the plain definition of what one ensemble says, without blocks, candidates or
kernels, for whatever is asked of one ensemble at a time and for the exported program; tests hold
both together, ties included.
"""
