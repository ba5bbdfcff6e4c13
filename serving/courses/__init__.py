"""Several courses in one service, each with a model of its own: registered, loaded while it is served, or refused."""
