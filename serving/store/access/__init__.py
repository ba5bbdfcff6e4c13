"""Access to the service: API keys, their roles, sign-in links, and links of students to a grade."""
