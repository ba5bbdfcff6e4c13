"""A launch, from the login to the person, the course and the link that it is about."""
