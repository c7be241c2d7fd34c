"""Django models and migrations → the tables that they make."""
