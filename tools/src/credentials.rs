//! The subcommands of `credentials`.

use bleepstore_core::Ports;
use bleepstore_core::model::{Credential, Owner, hex};
use bleepstore_core::ops::{CredentialLimits, new_credential};
use bleepstore_core::ports::StoreError;
use clap::Args;
use serde_json::{Value, json};

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
    /// Print it as JSON
    #[arg(long)]
    json: bool,
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

/// An id of an account as S3 has them.
fn owner_id(text: &str) -> std::result::Result<String, String> {
    let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text == "root" {
        Ok(Owner::root().id)
    } else if text.len() == 64 && text.bytes().all(is_hex) {
        Ok(text.to_owned())
    } else {
        Err("expected 64 lower-case hex digits, or root".to_owned())
    }
}

pub(crate) async fn create(ports: &Ports, args: &CreateArgs) -> Result<()> {
    let owner = owner(ports, args).await?;
    let credential = new_credential(ports, owner, CredentialLimits::default())
        .await
        .map_err(failed)?;
    if args.json {
        let mut document = document(&credential);
        document["secret_key"] = credential.secret_key.into();
        return print_json(&document);
    }
    print(&format!(
        "access key  {}\nsecret key  {} (it is not shown again)\nowner       {} ({})\n",
        credential.access_key, credential.secret_key, credential.owner.id, credential.owner.display_name
    ))
}

/// The account that the arguments name. A name that is not given is the one that the account's other keys have.
async fn owner(ports: &Ports, args: &CreateArgs) -> Result<Owner> {
    let Some(id) = &args.owner else {
        let mut random = [0; 32];
        ports.entropy.fill(&mut random);
        return Ok(Owner {
            id: hex(random),
            display_name: args.display_name.clone().unwrap_or_default(),
        });
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
    let line = |credential: &Credential| {
        format!(
            "{}  {}  {}  {}\n",
            credential.access_key,
            credential.created.iso_8601(),
            credential.owner.id,
            credential.owner.display_name
        )
    };
    print(&credentials.iter().map(line).collect::<String>())
}

pub(crate) async fn revoke(ports: &Ports, args: &RevokeArgs) -> Result<()> {
    let revoked = ports.metadata.revoke_credential(&args.access_key).await;
    if !revoked.map_err(failed)? {
        return Err(Failure::new(format!(
            "there is no access key {}",
            args.access_key
        )));
    }
    print("revoked; what runs now may take requests signed with it for 30 more seconds\n")
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

/// What is known of a credential but its secret.
fn document(credential: &Credential) -> Value {
    json!({
        "access_key": credential.access_key,
        "owner": credential.owner.id,
        "display_name": credential.owner.display_name,
        "created": credential.created.iso_8601(),
    })
}

fn failed(error: StoreError) -> Failure {
    Failure::new(format!("the metadata store failed: {error}"))
}
