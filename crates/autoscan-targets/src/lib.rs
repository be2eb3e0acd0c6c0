//! One file per media server: how it is told.
