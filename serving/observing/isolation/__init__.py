"""Commands in isolation from the host: the sandbox and its protections."""
