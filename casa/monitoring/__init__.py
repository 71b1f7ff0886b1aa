"""What Casa says of itself while it runs."""
