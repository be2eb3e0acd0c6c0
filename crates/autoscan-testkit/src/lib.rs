//! Furniture for tests and the demonstration: fake clock, fake files, pretend media servers, builders.

mod clock;
mod files;

pub use clock::{FakeClock, START};
pub use files::FakeFiles;
