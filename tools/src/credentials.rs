//! The subcommands of `credentials`.

mod account;
mod policy;
mod printed;

use std::time::Duration;

use bleepstore_core::Ports;
use bleepstore_core::model::{Credential, CredentialUser, Owner, Timestamp, is_iam_name_byte};
use bleepstore_core::ops::{self, CredentialLimits, new_credential};
use bleepstore_core::ports::StoreError;
use clap::Args;

use self::account::{AccountArgs, new_account};
use self::policy::PolicyArgs;
use self::printed::{document, limits, line, whole, whole_document};
use crate::duration::duration;
use crate::failure::{Failure, Result};
use crate::output::{print, print_json};

/// How many credentials one read asks for.
const PAGE: usize = 1_000;

/// Arguments of `credentials create`.
#[derive(Clone, Debug, Args)]
pub struct CreateArgs {
    /// Whom the key speaks for: an account's id of 64 hex digits, or `root`; without it, a new account
    #[arg(long, value_name = "ID", value_parser = owner_id)]
    owner: Option<String>,
    /// The account's name for people, which S3 shows beside the id
    #[arg(long, value_name = "NAME", required_unless_present = "owner")]
    display_name: Option<String>,
    /// What it may do for the account.
    #[command(flatten)]
    policy: PolicyArgs,
    /// The name that policies know the key by, where it has a policy; the access key unless set
    #[arg(long, value_name = "NAME", value_parser = user_name)]
    user: Option<String>,
    /// When it ends: a time such as 2026-11-29T10:00:00Z, or how long it lasts, such as 12h or 30d
    #[arg(long, value_name = "TIME", value_parser = end)]
    expires: Option<End>,
    /// Which account is the root's.
    #[command(flatten)]
    account: AccountArgs,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `credentials show`.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// The access key
    access_key: String,
    /// Which account is the root's.
    #[command(flatten)]
    account: AccountArgs,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `credentials set-policy`.
#[derive(Clone, Debug, Args)]
pub struct SetPolicyArgs {
    /// The access key
    access_key: String,
    /// What it may do from now on.
    #[command(flatten)]
    policy: PolicyArgs,
    /// It may do what its account may
    #[arg(long, conflicts_with_all = ["policy", "read_only", "bucket", "prefix"])]
    none: bool,
}

/// Arguments of `credentials list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// Print them as JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `credentials revoke`.
#[derive(Clone, Debug, Args)]
pub struct RevokeArgs {
    /// The access key
    access_key: String,
}

/// Arguments of `credentials end-sessions`: none.
#[derive(Clone, Debug, Args)]
pub struct EndSessionsArgs {}

/// An id of an account as S3 has them.
fn owner_id(text: &str) -> std::result::Result<String, String> {
    if text == "root" {
        Ok(Owner::root().id)
    } else if Owner::is_canonical_id(text) {
        Ok(text.to_owned())
    } else {
        Err("expected 64 lower-case hex digits, or root".to_owned())
    }
}

/// A name of a user as IAM has them.
fn user_name(text: &str) -> std::result::Result<String, &'static str> {
    if (1..=64).contains(&text.len()) && text.bytes().all(is_iam_name_byte) {
        Ok(text.to_owned())
    } else {
        Err("expected 1 to 64 letters, digits and characters of +=,.@_-")
    }
}

/// When a key ends, as an argument says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    At(Timestamp),
    After(Duration),
}

fn end(text: &str) -> std::result::Result<End, &'static str> {
    let at = Timestamp::from_rfc_3339(text).map(End::At);
    let after = || duration(text).ok().map(End::After);
    at.or_else(after)
        .ok_or("expected a time such as 2026-11-29T10:00:00Z, or a number and s, m, h or d, such as 12h")
}

pub(crate) async fn create(ports: &Ports, args: &CreateArgs) -> Result<()> {
    let limits_of_it = limits_of(ports, args).await?;
    let owner = owner(ports, args).await?;
    let credential = new_credential(ports, owner, limits_of_it).await.map_err(failed)?;
    if args.json {
        let mut document = document(&credential);
        document["secret_key"] = credential.secret_key.into();
        return print_json(&document);
    }
    print(&format!(
        "access key  {}\nsecret key  {} (it is not shown again)\nowner       {} ({})\n{}",
        credential.access_key,
        credential.secret_key,
        credential.owner.id,
        credential.owner.display_name,
        limits(&credential, ports.clock.now()),
    ))
}

/// What the new key may not do. Checked before anything is stored.
async fn limits_of(ports: &Ports, args: &CreateArgs) -> Result<CredentialLimits> {
    let now = ports.clock.now();
    let policy = args.policy.text().await?;
    if args.user.is_some() && policy.is_none() {
        return Err(Failure::usage(
            "--user needs a policy: --policy, --read-only or --bucket",
        ));
    }
    let expires = args.expires.map(|end| match end {
        End::At(time) => time,
        End::After(duration) => now.plus(duration),
    });
    if expires.is_some_and(|expires| expires <= now) {
        return Err(Failure::usage("--expires is a time that has passed"));
    }
    Ok(CredentialLimits {
        policy,
        user: args.user.clone(),
        expires,
    })
}

/// The account that the arguments name. A name that is not given is the one that the account's other keys have.
async fn owner(ports: &Ports, args: &CreateArgs) -> Result<Owner> {
    let Some(id) = &args.owner else {
        let display_name = args.display_name.as_deref().unwrap_or_default();
        return new_account(ports, &args.account, display_name).await;
    };
    if *id == Owner::root().id {
        return Ok(Owner::root());
    }
    if let Some(display_name) = &args.display_name {
        return Ok(Owner {
            id: id.clone(),
            display_name: display_name.clone(),
        });
    }
    let known = all(ports).await?.into_iter().map(|credential| credential.owner);
    known
        .into_iter()
        .find(|owner| owner.id == *id)
        .ok_or_else(|| Failure::usage("no key of this account says its name: --display-name is needed"))
}

pub(crate) async fn list(ports: &Ports, args: &ListArgs) -> Result<()> {
    let credentials = all(ports).await?;
    if args.json {
        return print_json(&credentials.iter().map(document).collect());
    }
    let now = ports.clock.now();
    let lines = credentials.iter().map(|credential| line(credential, now));
    print(&lines.collect::<String>())
}

pub(crate) async fn show(ports: &Ports, args: &ShowArgs) -> Result<()> {
    let credential = found(ports, &args.access_key).await?;
    if args.json {
        return print_json(&whole_document(&credential, &args.account));
    }
    print(&whole(&credential, &args.account, ports.clock.now()))
}

pub(crate) async fn set_policy(ports: &Ports, args: &SetPolicyArgs) -> Result<()> {
    let policy = args.policy.text().await?;
    if policy.is_some() == args.none {
        return Err(Failure::usage(
            "one of --policy, --read-only, --bucket and --none is needed",
        ));
    }
    let credential = found(ports, &args.access_key).await?;
    let name = match &credential.user {
        Some(user) => user.name.clone(),
        None => credential.access_key.clone(),
    };
    let changed = Credential {
        user: policy.map(|policy| CredentialUser { name, policy }),
        ..credential
    };
    let replaced = ports.metadata.replace_credential(&changed).await;
    if !replaced.map_err(failed)? {
        return Err(unknown(&args.access_key));
    }
    print("set; what runs now may go by what was set before for 30 more seconds\n")
}

pub(crate) async fn revoke(ports: &Ports, args: &RevokeArgs) -> Result<()> {
    let revoked = ports.metadata.revoke_credential(&args.access_key).await;
    if !revoked.map_err(failed)? {
        return Err(unknown(&args.access_key));
    }
    print("revoked; what runs now may take requests signed with it for 30 more seconds\n")
}

pub(crate) async fn end_sessions(ports: &Ports) -> Result<()> {
    let ended = ops::end_sessions(ports).await.map_err(failed)?;
    print(match ended {
        true => {
            "all sessions are ended; a running server may take their requests for up to 30 more seconds\n"
        }
        false => "no session ever began in this store\n",
    })
}

async fn all(ports: &Ports) -> Result<Vec<Credential>> {
    let mut credentials = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = ports.metadata.scan_credentials(after.as_deref(), PAGE).await;
        let page = page.map_err(failed)?;
        credentials.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(credentials),
        }
    }
}

async fn found(ports: &Ports, access_key: &str) -> Result<Credential> {
    let found = ports.metadata.credential(access_key).await.map_err(failed)?;
    found.ok_or_else(|| unknown(access_key))
}

fn unknown(access_key: &str) -> Failure {
    Failure::new(format!("there is no access key {access_key}"))
}

fn failed(error: StoreError) -> Failure {
    Failure::new(format!("the metadata store failed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_time_or_a_duration() {
        let at = Timestamp::from_rfc_3339("2030-01-01T00:00:00Z").unwrap();
        assert_eq!(end("2030-01-01T00:00:00Z"), Ok(End::At(at)));
        assert_eq!(end("30d"), Ok(End::After(Duration::from_secs(30 * 86_400))));
        for bad in ["", "soon", "2030-01-01", "30"] {
            assert!(end(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_of_a_user_is_one_of_iam() {
        assert_eq!(user_name("a.B+c=d,e@f_g-1").as_deref(), Ok("a.B+c=d,e@f_g-1"));
        assert!(user_name(&"a".repeat(64)).is_ok());
        for bad in ["", "a b", "a/b", "a*", "é", &"a".repeat(65)] {
            assert!(user_name(bad).is_err(), "{bad}");
        }
    }
}
