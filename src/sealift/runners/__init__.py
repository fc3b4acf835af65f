"""Systems to run programs on; each module is one kind of them."""
