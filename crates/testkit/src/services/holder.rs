//! The process that holds servers for as long as a pipe to it is open.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// A script that obeys lines of its standard input, and ends its servers when that ends. The system closes the pipe when
/// this process ends, also by `kill -9`; nothing has to be polled.
#[derive(Debug)]
pub(super) struct Holder(Mutex<Pipes>);

#[derive(Debug)]
struct Pipes {
    child: Child,
    /// `None` only while it is dropped.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Holder {
    /// Starts the script and waits until its servers serve.
    ///
    /// # Errors
    /// They do not, with the reason.
    pub(super) fn start(command: &mut Command) -> Result<Self, String> {
        // In a group of its own, so that Ctrl-C at the tests lets it do its work.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let answers = BufReader::new(answers.expect("the standard output is a pipe"));
        let mut pipes = Pipes { child, orders, answers };
        pipes.answer()?;
        Ok(Self(Mutex::new(pipes)))
    }

    /// Lets the script do something and waits until it is done.
    ///
    /// # Errors
    /// It could not, with the reason.
    pub(super) fn order(&self, order: &str) -> Result<(), String> {
        // A test that failed while it held the lock does not change what the others may do.
        let mut pipes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let orders = pipes.orders.as_mut().expect("it is not dropped yet");
        writeln!(orders, "{order}").map_err(|error| format!("the script has ended: {error}"))?;
        pipes.answer()
    }
}

impl Pipes {
    fn answer(&mut self) -> Result<(), String> {
        let mut line = String::new();
        let read: io::Result<usize> = self.answers.read_line(&mut line);
        match line.trim_end() {
            "ok" => Ok(()),
            "" => Err(format!("the script has ended: {read:?}")),
            reason => Err(reason.trim_start_matches("failed ").replace('\r', "\n")),
        }
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.child.wait();
    }
}
