"""Cross-building: wheels for machines other than this one, without running anything of theirs."""
