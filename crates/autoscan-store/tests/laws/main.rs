//! What holds for every store, and what holds for a file.

#[cfg(test)]
mod absorb;
#[cfg(test)]
mod claim;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod cost;
#[cfg(test)]
mod file;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod lease;
#[cfg(test)]
mod list;
#[cfg(test)]
mod lost;
#[cfg(test)]
mod older;
#[cfg(test)]
mod retry;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod steps;
#[cfg(test)]
mod twins;
