"""How good is a prediction, by the rules of each benchmark?

`metrics` reduces distances of predicted and true joints, `consistency` tells how far skeleton formats differ,
`score` scores a prediction file against a test store, `report` writes tables and the page about a run.
"""
