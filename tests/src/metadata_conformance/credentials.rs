//! Rules of credentials.

use std::sync::Arc;

use bleepstore_core::model::Credential;

use super::MetadataFixture;
use crate::race::race;

/// And only under its access key.
pub async fn a_credential_is_found_with_every_field(f: MetadataFixture) {
    let credential = f.samples.credential(&f.samples.unique());
    assert_eq!(f.store.credential(&credential.access_key).await.unwrap(), None);
    assert!(f.store.create_credential(&credential).await.unwrap());
    assert_eq!(
        f.store.credential(&credential.access_key).await.unwrap().as_ref(),
        Some(&credential)
    );
    assert_eq!(
        f.store
            .credential(&credential.access_key.to_uppercase())
            .await
            .unwrap(),
        None
    );
}

/// Its policy as it was given.
pub async fn a_credential_of_a_user_is_found_with_every_field(f: MetadataFixture) {
    let whole = f.samples.limited_credential(&f.samples.unique());
    let (user, end) = (whole.user.clone(), whole.expires);
    for (user, expires) in [(user.clone(), end), (user, None), (None, end)] {
        let credential = Credential {
            access_key: f.samples.unique(),
            user,
            expires,
            ..whole.clone()
        };
        assert!(f.store.create_credential(&credential).await.unwrap());
        assert_eq!(
            f.store.credential(&credential.access_key).await.unwrap(),
            Some(credential)
        );
    }
}

/// The secret of a key that is in use does not change.
pub async fn a_taken_access_key_is_not_given_again(f: MetadataFixture) {
    let first = f.samples.credential(&f.samples.unique());
    assert!(f.store.create_credential(&first).await.unwrap());
    assert!(
        !f.store
            .create_credential(&f.samples.credential(&first.access_key))
            .await
            .unwrap()
    );
    assert_eq!(f.store.credential(&first.access_key).await.unwrap(), Some(first));
}

/// One secret is valid afterwards: the winner's.
pub async fn of_racing_creations_of_an_access_key_one_wins(f: MetadataFixture) {
    let access_key = f.samples.unique();
    let credentials: Vec<Credential> = (0..16).map(|_| f.samples.credential(&access_key)).collect();
    let creations = credentials.iter().cloned().map(|credential| {
        let store = Arc::clone(&f.store);
        async move { store.create_credential(&credential).await.unwrap() }
    });
    let outcomes = race(creations.collect()).await;
    let stored = f.store.credential(&access_key).await.unwrap().unwrap();
    let expected: Vec<bool> = credentials
        .iter()
        .map(|credential| *credential == stored)
        .collect();
    assert_eq!(outcomes, expected);
    assert!(credentials.contains(&stored));
}

/// At once, whole, and as often as one likes. It is still listed once, and still revoked.
pub async fn a_replaced_credential_is_another_under_its_access_key(f: MetadataFixture) {
    let access_key = f.samples.unique();
    let beside = f.samples.credential(&format!("{access_key}~"));
    let plain = f.samples.credential(&access_key);
    for credential in [&plain, &beside] {
        assert!(f.store.create_credential(credential).await.unwrap());
    }
    for replacing in [
        f.samples.limited_credential(&access_key),
        f.samples.limited_credential(&access_key),
        plain.clone(),
        plain,
    ] {
        assert!(f.store.replace_credential(&replacing).await.unwrap());
        assert_eq!(
            f.store.credential(&access_key).await.unwrap().as_ref(),
            Some(&replacing)
        );
        assert_eq!(listed(&f, &access_key).await, [replacing, beside.clone()]);
    }
    assert!(f.store.revoke_credential(&access_key).await.unwrap());
    assert_eq!(f.store.credential(&access_key).await.unwrap(), None);
    assert_eq!(listed(&f, &access_key).await, [beside]);
}

/// Neither where there never was one, nor where it was revoked.
pub async fn a_credential_that_is_not_there_is_not_replaced(f: MetadataFixture) {
    let credential = f.samples.limited_credential(&f.samples.unique());
    let access_key = &credential.access_key;
    let replaces_nothing = async || {
        assert!(!f.store.replace_credential(&credential).await.unwrap());
        assert_eq!(f.store.credential(access_key).await.unwrap(), None);
        assert!(listed(&f, access_key).await.is_empty());
    };
    replaces_nothing().await;
    assert!(f.store.create_credential(&credential).await.unwrap());
    assert!(f.store.revoke_credential(access_key).await.unwrap());
    replaces_nothing().await;
}

/// However many there are.
pub async fn a_racing_replacement_brings_no_revoked_credential_back(f: MetadataFixture) {
    let access_key = f.samples.unique();
    let first = f.samples.credential(&access_key);
    assert!(f.store.create_credential(&first).await.unwrap());
    let changes = (0..8).map(|number| {
        let store = Arc::clone(&f.store);
        let replacing = f.samples.limited_credential(&access_key);
        async move {
            match number {
                3 => store.revoke_credential(&replacing.access_key).await.unwrap(),
                _ => {
                    store.replace_credential(&replacing).await.unwrap();
                    true
                }
            }
        }
    });
    assert_eq!(race(changes.collect()).await, [true; 8]);
    assert_eq!(f.store.credential(&access_key).await.unwrap(), None);
    assert!(listed(&f, &access_key).await.is_empty());
}

/// The credentials whose access keys begin with that, as a scan has them.
async fn listed(f: &MetadataFixture, prefix: &str) -> Vec<Credential> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = f.store.scan_credentials(after.as_deref(), 1_000).await.unwrap();
        let own = page.items.into_iter();
        found.extend(own.filter(|credential| credential.access_key.starts_with(prefix)));
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

/// At once, and its access key is free again.
pub async fn a_revoked_credential_is_gone(f: MetadataFixture) {
    let credential = f.samples.credential(&f.samples.unique());
    assert!(!f.store.revoke_credential(&credential.access_key).await.unwrap());
    assert!(f.store.create_credential(&credential).await.unwrap());
    assert!(f.store.revoke_credential(&credential.access_key).await.unwrap());
    assert_eq!(f.store.credential(&credential.access_key).await.unwrap(), None);
    assert!(!f.store.revoke_credential(&credential.access_key).await.unwrap());
    assert!(f.store.create_credential(&credential).await.unwrap());
}

/// In small pages and large ones, from a key that need not exist.
pub async fn credentials_page_in_the_order_of_their_access_keys(f: MetadataFixture) {
    let prefix = f.samples.unique();
    let mut created = Vec::new();
    for suffix in ["b", "B", "a", "aa", "Z", "0", "_", "~"] {
        let credential = f.samples.credential(&format!("{prefix}{suffix}"));
        assert!(f.store.create_credential(&credential).await.unwrap());
        created.push(credential);
    }
    created.sort_by(|a, b| a.access_key.cmp(&b.access_key));
    for limit in [1, 3, 1000] {
        let (mut found, mut after) = (Vec::new(), Some(prefix.clone()));
        while let Some(start) = after {
            let page = f.store.scan_credentials(Some(&start), limit).await.unwrap();
            assert!(page.items.len() <= limit);
            let own = page
                .items
                .iter()
                .filter(|credential| credential.access_key.starts_with(&prefix));
            found.extend(own.cloned());
            after = page.next.filter(|next| next.starts_with(&prefix));
        }
        assert_eq!(found, created, "pages of {limit}");
    }
    let first = f.store.scan_credentials(None, 1).await.unwrap();
    assert!(first.items.len() == 1 || first.next.is_some());
}
