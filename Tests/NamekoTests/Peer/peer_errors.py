"""Exceptions of Python services that their callers, in whatever language, know by their path."""

from nameko.exceptions import deserialize_to_instance


@deserialize_to_instance
class OutOfStock(Exception):
    """Registered: a nameko caller gets an instance of this class."""
