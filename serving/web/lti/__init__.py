"""The addresses of the LTI tool below `/lti`: login, launch, keys, choice of a lab, registration."""
