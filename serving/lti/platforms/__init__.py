"""The platforms that are registered, their key sets, and which course of the service is which of theirs."""
