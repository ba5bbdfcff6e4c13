"""The pages on which a lab is created and edited."""
