//! One file per sender: what its requests say.
