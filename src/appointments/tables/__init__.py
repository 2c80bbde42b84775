"""The tables: their models and keys, and the reads and writes that several modules need."""
