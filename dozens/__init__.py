"""The front door: the `dozens` command and the demonstration of the whole method."""
