"""What the shop offers: shops, products, categories, promotions, delivery zones, stock, import."""
