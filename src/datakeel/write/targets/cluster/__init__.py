"""The files of the products that a design leads to in production; the domain code knows nothing of them."""
