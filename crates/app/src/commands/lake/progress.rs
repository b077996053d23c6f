//! A line on the terminal while a command works.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use logmill_sink_iceberg::{Progress, Step};

/// How often it shows that something is going on.
const TICK: Duration = Duration::from_millis(100);

/// The line, which is hidden by itself where standard error is no terminal, and who tells it what is done.
pub(super) fn line() -> (ProgressBar, Progress) {
    let line = ProgressBar::new_spinner();
    line.enable_steady_tick(TICK);
    let told = line.clone();
    let progress: Progress = Arc::new(move |step, done, all| {
        told.set_message(words(step));
        told.set_position(done as u64);
        if let Some(all) = all {
            told.set_length(all as u64);
            told.set_style(style("{bar:40} {pos}/{len} {msg}"));
        } else {
            told.set_style(style("{spinner} {pos} {msg}"));
        }
    });
    (line, progress)
}

fn words(step: Step) -> &'static str {
    match step {
        Step::Listing => "files listed",
        Step::Reading => "manifests read",
        Step::Merging => "files of a day merged",
        Step::Removing => "files removed",
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
