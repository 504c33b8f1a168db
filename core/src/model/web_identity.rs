//! Identities of others: tokens of OpenID Connect, and who makes them.

/// A maker of OpenID Connect tokens that the operator trusts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrustedIssuer {
    /// What its tokens have as `iss`: an `https` URL, as the operator writes it.
    pub url: String,
    /// Where it publishes its keys; `None` where its discovery document says that.
    pub keys: Option<String>,
    /// The certificates, as PEM, that its host is known by; `None` for those that browsers trust.
    pub certificates: Option<String>,
}

/// What a token says that is of its time and was signed by the issuer it was checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// Whom it is about.
    pub subject: String,
    /// Whom it is meant for: one or more.
    pub audiences: Vec<String>,
}
