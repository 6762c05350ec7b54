"""How does a database become Guichê's? Roles, schemas, and the migrations of each service."""
