//! The binary: threads, and the command line handed on.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

/// Threads that wait for the network or the database; blocking work has threads of its own.
const THREADS: usize = 2;
/// Memory for the stack of each thread, in bytes.
const STACK: usize = 1 << 20;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_stack_size(STACK)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _gone = writeln!(io::stderr(), "autoscan cannot start its threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let end = runtime.block_on(autoscan::run(std::env::args_os()));
    // A look at a dead mount may hang for ever: it is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    end
}
