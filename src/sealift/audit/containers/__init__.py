"""Readers of containers: each gives the members of a subject, one family of formats a module.

What is wrong with a container, as long as the rest can be read, is a finding in
``subject.problems``.
"""
