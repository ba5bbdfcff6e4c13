"""The durable queue of submissions that wait for the outcomes of their lab's checks, and the worker that runs them."""
