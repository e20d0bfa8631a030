"""The tables: how a database comes to have them and their content, and what may be wrong with either."""
