//! The `cutover` program: hands the arguments to the library and its answer to the shell.

fn main() -> std::process::ExitCode {
    cutover::cli::main()
}
