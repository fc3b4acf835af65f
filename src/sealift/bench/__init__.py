"""The instrument that compares how fast programs start."""
