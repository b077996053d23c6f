//! Names of customers.

use std::fmt;

#[cfg(test)]
mod tests;

const MAX_NAME: usize = 64;

/// A customer's name: 1 to 64 of `A-Z a-z 0-9 _ -`, so that it can stand in a path, a key or a label as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Customer(String);

/// The name is empty, too long or holds another character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a customer's name is 1 to 64 characters out of A-Z, a-z, 0-9, `_` and `-`")]
pub struct CustomerError;

impl Customer {
    /// Checks a name as it came from a header.
    ///
    /// # Errors
    /// [`CustomerError`] for anything outside `[A-Za-z0-9_-]{1,64}`.
    pub fn parse(name: &str) -> Result<Self, CustomerError> {
        let fits = (1..=MAX_NAME).contains(&name.len());
        if fits && name.bytes().all(is_allowed) { Ok(Self(name.to_owned())) } else { Err(CustomerError) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the customer of requests that name none.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.0 == "default"
    }
}

impl Default for Customer {
    /// The customer of requests that name none: `default`.
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}
