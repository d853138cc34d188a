//! The TCP check: someone accepts a connection.

use crate::address::Address;
use crate::outcome::Outcome;

/// A connection to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpCheck {
    /// Where.
    pub address: Address,
}

impl TcpCheck {
    /// What is asked.
    pub fn what(&self) -> String {
        format!("connect to {}", self.address)
    }

    pub(crate) async fn run(&self) -> Outcome {
        match self.address.connect().await {
            Ok(_) => Outcome::healthy(format!("{} accepts connections", self.address)),
            Err(error) => Outcome::unhealthy(self.address.refusal(&error)),
        }
    }
}

#[cfg(test)]
mod tests;
