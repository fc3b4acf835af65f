"""Changed by the start-up line of behaviour.pth."""
