//! The symbols that this interpreter exports, from `symbols.txt`.

include!(concat!(env!("OUT_DIR"), "/symbols.rs"));
