"""`neo-routing serve`: the endpoint, running."""
