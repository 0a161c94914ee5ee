//! What verification found: the sentences that `verify` prints.

/// Gathered in the order in which things were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub proved: Vec<String>,
    pub failed: Vec<String>,
    pub unchecked: Vec<String>,
    /// What this package does not show, however well it is checked.
    pub unprovable: Vec<String>,
}

impl Account {
    pub fn proved(&mut self, what: impl Into<String>) {
        self.proved.push(what.into());
    }

    pub fn failed(&mut self, what: impl Into<String>) {
        self.failed.push(what.into());
    }

    pub fn unchecked(&mut self, what: impl Into<String>) {
        self.unchecked.push(what.into());
    }
}
