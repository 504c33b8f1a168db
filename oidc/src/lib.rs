//! Tokens of OpenID Connect, checked: who made them, with which key, and whether they are of their time
//! (<https://openid.net/specs/openid-connect-core-1_0.html#IDToken>).
//!
//! A token decides nothing about its own check. Who made it, where its keys are and how it may be signed is known
//! before it is read, and keys or addresses in its header (`jwk`, `jku`, `x5c`, `x5u`) are not looked at.

mod client;
mod issuers;
mod key_ring;
mod key_set;
mod published;
mod source;
mod token;

pub use client::{Client, Trust};
pub use issuers::IssuerTokens;
pub use key_ring::KeyRing;
pub use key_set::PublicKey;
pub use published::PublishedKeys;
pub use source::{KeySource, KeysUnavailable, Published};
pub use token::{Algorithm, Period, Refusal, Token};

#[cfg(test)]
mod tests;
