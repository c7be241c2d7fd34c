"""SQL: its text, words, trees and definitions → statements and changes of tables."""
