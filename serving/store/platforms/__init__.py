"""What the store holds about course platforms: deliveries, LTI, webhooks."""
