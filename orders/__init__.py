"""What customers ordered: placing, reserving, status, receipts."""
