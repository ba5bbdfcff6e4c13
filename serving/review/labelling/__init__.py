"""Rating a new lab, the ratings that people have decided, and the grades that a model proposes from them."""
