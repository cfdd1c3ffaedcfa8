"""The command line: `main` and, in a module each, its commands. Heavy imports happen when a command runs."""
