"""The public routes, one module per noun."""
