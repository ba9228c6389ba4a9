//! Exports the C API's symbols, so that extension modules find them in this program.

fn main() {
    println!("cargo:rerun-if-env-changed=DEP_PYABI_LINK_ARG");
    if let Ok(argument) = std::env::var("DEP_PYABI_LINK_ARG") {
        println!("cargo:rustc-link-arg={argument}");
    }
}
