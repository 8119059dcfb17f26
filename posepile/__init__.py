"""The pose pile: what a pose example is, where examples come from, how data sets are stored and mixed as one."""
