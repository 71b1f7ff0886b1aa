"""The database's schema, a step a file. Run by `casa.database.migrate`, which holds the lock."""
