"""Near-copies: programs that differ only in what copies usually change, and groups of them."""
