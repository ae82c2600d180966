//! What a command answers.

use serde_json::Value;

/// What a command has to say.
#[derive(Debug)]
pub struct Answer {
    /// For people; lines without a final break.
    pub text: String,
    /// For machines.
    pub json: Value,
}

impl Answer {
    /// The same facts in both forms.
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json }
    }
}
