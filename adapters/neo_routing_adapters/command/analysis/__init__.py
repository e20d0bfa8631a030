"""The commands on a whole directory, over every request there can be: `audit`, `diff` and `reach`."""
