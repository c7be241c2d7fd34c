"""Tables: schema, repositories, routes, and the proofs of their invariants."""
