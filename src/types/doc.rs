//! Docs of C functions and types, which may start with a signature.
pub fn without_signature(_name: &str, doc: &str) -> String { doc.to_owned() }
