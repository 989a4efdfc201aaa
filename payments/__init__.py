"""Money coming in: gateways behind one interface, the payment service, webhook and reconciliation."""
