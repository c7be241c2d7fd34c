"""One package a language: each lowers its text into the neutral tree of `datakeel.read.program`."""
