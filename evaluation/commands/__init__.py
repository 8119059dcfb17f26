"""The verbs of this room on the command line: one module each, `main(args) -> exit code`."""
