"""Sends grades to course platforms, such that a rerun, a crash or a teacher's own change never does harm.

`records` builds the neutral record of each submission from the store, `plan` compares it with the platform, `sending`
writes it. An adapter in `platforms` implements the protocol `platform.Platform` and raises `errors.DeliveryError`.
"""
