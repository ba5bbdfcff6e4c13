"""Tables of ratings and comments: their layout, their cells, the grades in them."""
