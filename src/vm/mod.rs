//! Everything that leans on RustPython's internals: an upgrade of the VM touches this folder.

pub mod importlib;
mod sysconfig;
pub mod version;
