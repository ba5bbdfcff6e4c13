"""Commands that train models and manage them."""
