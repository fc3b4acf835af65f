"""Command-line tools of the index as files for Windows and macOS, made on Linux."""
