//! How credentials are shown: all of them but the secret key.

use bleepstore_core::model::{Credential, Timestamp};
use serde_json::{Value, json};

use super::account::AccountArgs;

/// What is shown of a credential where many are.
pub(super) fn document(credential: &Credential) -> Value {
    json!({
        "access_key": credential.access_key,
        "owner": credential.owner.id,
        "display_name": credential.owner.display_name,
        "created": credential.created.iso_8601(),
        "user": credential.user.as_ref().map(|user| &user.name),
        "expires": credential.expires.map(Timestamp::iso_8601),
    })
}

/// The same on a line.
pub(super) fn line(credential: &Credential, now: Timestamp) -> String {
    let mut line = format!(
        "{}  {}  {}  {}",
        credential.access_key,
        credential.created.iso_8601(),
        credential.owner.id,
        credential.owner.display_name
    );
    if let Some(user) = &credential.user {
        line.extend(["  user ", &user.name]);
    }
    if let Some((verb, at)) = end(credential, now) {
        line.extend(["  ", verb, " ", &at]);
    }
    line + "\n"
}

/// All that is known of it, for programs.
pub(super) fn whole_document(credential: &Credential, account: &AccountArgs) -> Value {
    let mut document = document(credential);
    document["account_id"] = account
        .id_of(&credential.owner)
        .map(|id| id.as_str().to_owned())
        .into();
    document["arn"] = arn(credential, account).into();
    document["policy"] = credential.user.as_ref().map(|user| user.policy.as_str()).into();
    document
}

/// All that is known of it.
pub(super) fn whole(credential: &Credential, account: &AccountArgs, now: Timestamp) -> String {
    let unknown = || "not known here: --account-id says it".to_owned();
    let id = account.id_of(&credential.owner);
    let mut text = format!(
        "access key  {}\nowner       {} ({})\naccount id  {}\nacts as     {}\ncreated     {}\n",
        credential.access_key,
        credential.owner.id,
        credential.owner.display_name,
        id.map_or_else(unknown, |id| id.as_str().to_owned()),
        arn(credential, account).unwrap_or_else(|| actor(credential)),
        credential.created.iso_8601(),
    );
    text += &limits(credential, now);
    match &credential.user {
        Some(user) => text + "policy\n" + user.policy.trim_end() + "\n",
        None => text + "policy      none: it may do what its account may\n",
    }
}

/// The lines about a credential's user and end, if it has them.
pub(super) fn limits(credential: &Credential, now: Timestamp) -> String {
    let user = credential.user.as_ref();
    let user = user.map_or_else(String::new, |user| format!("user        {}\n", user.name));
    let end = end(credential, now).map_or_else(String::new, |(verb, at)| format!("{verb}     {at}\n"));
    user + &end
}

fn end(credential: &Credential, now: Timestamp) -> Option<(&'static str, String)> {
    let expires = credential.expires?;
    let verb = if credential.is_over(now) {
        "expired"
    } else {
        "expires"
    };
    Some((verb, expires.iso_8601()))
}

/// Whom policies see; `None` where the id of the account is not known.
fn arn(credential: &Credential, account: &AccountArgs) -> Option<String> {
    let id = account.id_of(&credential.owner)?;
    Some(format!("arn:aws:iam::{}:{}", id.as_str(), actor(credential)))
}

fn actor(credential: &Credential) -> String {
    match &credential.user {
        Some(user) => format!("user/{}", user.name),
        None => "root".to_owned(),
    }
}
