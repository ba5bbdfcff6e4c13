"""Commands that grade submissions and write the grades."""
