"""Well-known packages with native code, built for other machines and tried there."""
