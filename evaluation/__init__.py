"""How good is a prediction, by the rules of each benchmark?

`metrics` reduces distances of predicted and true joints; `protocols` has one module a benchmark, `evaluate` scores
prediction files by them, sequence by sequence; `benchmark_results`, `benchmark_tables`, `benchmark_plots` and
`paper_tables` say what came out. `consistency` tells how far skeleton formats differ, `score` scores a prediction
file against a store, `report` writes tables and the page about a run.
"""
