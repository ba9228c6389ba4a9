//! `pyabi -m pyabi`: the tool that tells people which extension modules load. It is written in Python and compiled into
//! the program; the facts about CPython that it works on come along.

use rustpython_vm::frozen::FrozenLib;

/// The package `pyabi`.
pub const FROZEN: &FrozenLib = rustpython_vm::py_freeze!(dir = "../pyabi_tool");

/// What CPython's binary exports.
pub(super) const SYMBOLS: &str = include_str!("../../tests/data/abi/symbols.tsv");

/// Wheels that were surveyed, and what they import.
pub(super) const WHEELS: &str = include_str!("../../tests/data/abi/wheels.tsv");
