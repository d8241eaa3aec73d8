//! How commands end: exit codes, and what is said.

use crate::diag::Diag;
use serde_json::{Value, json};

/// Exit codes. Scripts depend on them; they never change their meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// An error.
    Error = 1,
    /// Usage or config.
    Usage = 2,
    /// Changes are pending (`plan --exit-code`).
    Pending = 3,
    /// Refused: guard, drift, signature.
    Refused = 4,
    /// Waiting: people, freeze, window.
    Waiting = 5,
    /// Applied, then rolled back.
    RolledBack = 6,
    /// Superseded: a newer writer won.
    Superseded = 7,
}

/// Why a command ends early.
#[derive(Debug)]
pub struct Fail {
    /// With which code.
    pub exit: Exit,
    /// What is said.
    pub said: Said,
}

/// What is said of a failure.
#[derive(Debug)]
pub enum Said {
    /// Diagnostics that point into files.
    Diags(Vec<Diag>),
    /// A sentence, and what to do.
    Words {
        /// A stable name of the failure.
        code: &'static str,
        /// What went wrong.
        message: String,
        /// What to do about it.
        help: String,
    },
}

/// What commands return.
pub type Outcome = Result<Exit, Fail>;

impl Fail {
    /// A failure in words.
    pub fn new(
        exit: Exit,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Fail {
        let (message, help) = (message.into(), help.into());
        Fail {
            exit,
            said: Said::Words {
                code,
                message,
                help,
            },
        }
    }

    /// A failure of the store.
    pub fn store(error: impl std::fmt::Display) -> Fail {
        Fail::new(Exit::Error, "store", error.to_string(), "")
    }

    /// Diagnostics: usage or config.
    pub fn diags(diags: Vec<Diag>) -> Fail {
        Fail {
            exit: Exit::Usage,
            said: Said::Diags(diags),
        }
    }

    /// What goes to standard error.
    pub fn render(&self, colour: bool) -> String {
        match &self.said {
            Said::Diags(diags) => crate::diag::render_all(diags, colour),
            Said::Words {
                code,
                message,
                help,
            } => {
                let help = if help.is_empty() {
                    String::new()
                } else {
                    format!("\n  help: {help}")
                };
                format!("error[{code}]: {message}{help}\n")
            }
        }
    }

    /// The same as JSON.
    pub fn json(&self) -> Value {
        let errors = match &self.said {
            Said::Diags(diags) => json!(diags),
            Said::Words {
                code,
                message,
                help,
            } => {
                json!([{ "level": "error", "code": code, "message": message, "help": help }])
            }
        };
        json!({ "exit": self.exit as u8, "errors": errors })
    }
}

impl From<Diag> for Fail {
    fn from(diag: Diag) -> Fail {
        Fail::diags(vec![diag])
    }
}
