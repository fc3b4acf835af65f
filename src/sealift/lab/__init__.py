"""Programs tried on other systems than the one they were made on."""
