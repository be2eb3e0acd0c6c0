//! What holds for every store, and what holds for a file.

#[cfg(test)]
mod absorb;
#[cfg(test)]
mod claim;
#[cfg(test)]
mod clock_set_back;
#[cfg(test)]
mod cost;
#[cfg(test)]
mod engine_state;
#[cfg(test)]
mod equivalence;
#[cfg(test)]
mod file;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod later_looks;
#[cfg(test)]
mod lease;
#[cfg(test)]
mod list;
#[cfg(test)]
mod lost_file;
#[cfg(test)]
mod older;
#[cfg(test)]
mod remedies;
#[cfg(test)]
mod replacement;
#[cfg(test)]
mod retry;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod steps;
