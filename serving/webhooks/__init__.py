"""Webhooks (https://www.standardwebhooks.com): signed notices of grades, overrides, requests and jobs.

`events` reads the audit log, so that no event is lost and none has to be announced by its writer. `sender` delivers.
"""
