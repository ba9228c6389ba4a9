//! Threads: the extension lock, thread states, the error indicator.
//!
//! RustPython has no GIL. Extensions assume one, so C code runs only on the
//! thread that holds the [extension lock](lock).

pub mod error;
pub mod lock;
pub mod state;

pub use lock::{enter, leave_for, try_enter};
pub use state::{current, current_vm};
