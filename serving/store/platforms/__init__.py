"""Records of course platforms: deliveries, LTI, webhooks."""
