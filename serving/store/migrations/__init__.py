"""The store's tables as they grew, step by step. `database.open_database` brings a database up to the last step."""
