"""One file per command of the command line, with `main(arguments) -> exit code`. Loaded by `bot.__main__` by name."""
