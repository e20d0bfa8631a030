"""One module for each version of the schema. What was released never changes, so none imports the schema of today."""
