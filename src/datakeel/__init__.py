"""datakeel reviews data-intensive code, and writes data systems that keep their data."""

__version__ = "0.1.0"
