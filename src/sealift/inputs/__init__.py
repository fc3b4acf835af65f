"""What users give: one reader for each kind of input, all answering with a :class:`Reading`."""
