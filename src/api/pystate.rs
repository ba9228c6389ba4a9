//! `pystate.h`.
pub struct Ensured;
