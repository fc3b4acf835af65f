"""What a Windows application needs around its launcher: resources, signatures, names."""
