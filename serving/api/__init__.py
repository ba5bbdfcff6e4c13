"""The HTTP service: what is asked, what is answered, and what stands at its borders."""
