//! How many calls each operation makes.
