"""A random walk of TAs over the review pages, and a model of what the store must then contain."""
