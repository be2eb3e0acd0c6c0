//! What holds for every store, and what holds for a file.

#[cfg(test)]
mod file;
#[cfg(test)]
mod furniture;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod older;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod twins;
