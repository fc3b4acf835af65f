"""What macOS asks of an application around its code, made without Apple's tools."""
