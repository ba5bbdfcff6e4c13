"""The one HTTP client for addresses that are not chosen by the operator alone: course platforms, webhooks, key sets."""
