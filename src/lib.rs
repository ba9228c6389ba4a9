//! Load unmodified CPython 3.14 extension binaries into RustPython.
//!
//! # Embedding
//!
//! One call installs the ABI on an interpreter that is being built:
//!
//! ```no_run
//! use rustpython::{InterpreterBuilder, InterpreterBuilderExt};
//!
//! let builder = InterpreterBuilder::new().init_stdlib();
//! let interpreter = pyabi::install(builder).build();
//! ```
//!
//! Extensions find the C API among the symbols of the executable, and a linker exports none of them unless told. So the
//! embedding package needs a `build.rs` with this line:
//!
//! ```no_run
//! println!("cargo:rustc-link-arg={}", std::env::var("DEP_PYABI_LINK_ARG").unwrap());
//! ```
//!
//! and RustPython's exact dependency pins, which are in this package's `Cargo.toml`.

// Names are CPython's for what is CPython's.
#![allow(non_snake_case, non_upper_case_globals)]

mod api;
pub mod layout;
mod loader;
mod proxy;
mod refcount;
pub mod symbols;
mod thread;
mod types;
mod vm;

use rustpython_vm::InterpreterBuilder;

/// Whether an extension file can be loaded, asked before any of it runs.
pub use loader::check;
pub use vm::version;

/// Installs the ABI: the interpreter loads extension modules and reports the version of Python whose ABI it has.
#[must_use]
pub fn install(builder: InterpreterBuilder) -> InterpreterBuilder {
    builder
        .add_frozen_modules(vm::tool::FROZEN)
        .init_hook(vm::importlib::install)
}
