//! Standard output is the result, standard error the talk.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use icc_api::MessageView;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::private;

/// Prints a result: as JSON if asked, else as text.
pub(crate) fn result<T: Serialize>(json: bool, value: &T, text: &str) -> eyre::Result<()> {
    let line = if json { serde_json::to_string(value)? } else { text.to_owned() };
    let mut stdout = std::io::stdout().lock();
    // A closed pipe (`icc … | head`) is no error.
    match writeln!(stdout, "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints an error and what caused it, without what looks like a key among the arguments.
pub(crate) fn error(report: &eyre::Report) {
    eprintln!("error: {}", private::hide(&report.to_string()));
    for cause in report.chain().skip(1) {
        eprintln!("  because: {}", private::hide(&cause.to_string()));
    }
}

/// A live line on a terminal, plain lines elsewhere.
pub(crate) struct Talk {
    bar: ProgressBar,
    began: Instant,
}

impl Talk {
    pub(crate) fn new() -> Self {
        let bar = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4}  {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        } else {
            ProgressBar::hidden()
        };
        Self { bar, began: Instant::now() }
    }

    /// A step that stays on the screen; it is also what the live line says until the next one.
    pub(crate) fn step(&self, text: &str) {
        if self.bar.is_hidden() {
            eprintln!("{text}");
        } else {
            self.bar.println(text);
            self.bar.set_message(text.trim().to_owned());
        }
    }

    /// A change of a message on its way.
    pub(crate) fn message(&self, message: &MessageView) {
        let seconds = self.began.elapsed().as_secs_f64();
        self.step(&format!("{seconds:7.2} s  {:?}: {}", message.state, message.reason));
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
