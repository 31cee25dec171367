"""A small replicated store."""
