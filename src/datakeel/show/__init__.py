"""What was found, for eyes and machines: each form is one module with a pure `render`."""
