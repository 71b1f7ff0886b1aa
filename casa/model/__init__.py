"""The saved model and what it says of a house."""
