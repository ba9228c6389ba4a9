//! Everything that leans on RustPython's internals: an upgrade of the VM touches this folder.

mod foreign;
pub mod importlib;
mod sysconfig;
pub mod version;
