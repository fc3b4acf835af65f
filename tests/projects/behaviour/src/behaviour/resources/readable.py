"""A source that is read as a resource."""

VALUE = 1
