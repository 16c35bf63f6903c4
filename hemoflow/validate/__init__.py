"""hemoflow."""
