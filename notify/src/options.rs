//! What is said of a destination beside its URL.

use std::fmt;
use std::time::Duration;

/// The port allows half a minute: this leaves some of it for what is not waiting.
const LONGEST: Duration = Duration::from_secs(28);

/// What is said of a destination beside its URL.
#[derive(Clone)]
pub struct Options {
    /// Whether webhooks may be at addresses that are not of the Internet, such as `127.0.0.1` or `10.0.0.1`, and may do
    /// without TLS. Brokers may be anywhere: who names them is the operator.
    pub private_addresses: bool,
    /// What webhooks are signed with: `whsec_` and 24 to 64 bytes in base64.
    pub webhook_secret: Option<String>,
    /// Replaces the password in the URL, or NATS's token where no user is named. So it need not be in the URL.
    pub password: Option<String>,
    /// The certificates, as PEM, of the authorities that are believed over TLS; those of the system where there are
    /// none.
    pub certificates: Option<Vec<u8>>,
    /// How long a call takes at most, and no longer than 28 seconds. A request to a webhook takes at most 10.
    pub timeout: Duration,
}

impl Options {
    pub(crate) fn wait(&self) -> Duration {
        self.timeout.min(LONGEST)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            private_addresses: false,
            webhook_secret: None,
            password: None,
            certificates: None,
            timeout: Duration::from_secs(25),
        }
    }
}

/// Without the secrets.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("private_addresses", &self.private_addresses)
            .field("webhook_secret", &self.webhook_secret.as_ref().map(|_| ".."))
            .field("password", &self.password.as_ref().map(|_| ".."))
            .field("certificates", &self.certificates.as_ref().map(Vec::len))
            .field("timeout", &self.timeout)
            .finish()
    }
}
