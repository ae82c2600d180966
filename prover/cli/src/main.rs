//! The `zkpoc` command; all of it is in the library.

fn main() -> std::process::ExitCode {
    zkpoc_cli::main()
}
