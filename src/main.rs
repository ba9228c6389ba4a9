fn main() -> std::process::ExitCode { rustpython::run(rustpython::InterpreterBuilder::default()) }
