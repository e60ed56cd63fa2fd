"""From any differential data to a query."""
