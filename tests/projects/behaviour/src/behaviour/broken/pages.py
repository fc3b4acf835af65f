"""Two pages."""


def fail():
    raise ValueError("second page")  # the line that fails
