"""The native program in front of a single file, its importer and its payload."""
