//! Furniture for tests and the demonstration: fake clock, fake files, pretend media servers, builders.
