"""The offline half of Casa: from a table of houses to a registered model."""
