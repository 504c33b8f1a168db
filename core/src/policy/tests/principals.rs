use super::super::{Principal, Verdict};
use super::{CANONICAL, account, decide, read, statement, user};

/// What a statement about these principals says of somebody.
fn verdict(effect: &str, element: &str, principals: &str, asking: &Principal) -> Verdict {
    let effect = format!("\"{effect}\"");
    let policy = read(&statement(&[("Effect", &effect), (element, principals)])).unwrap();
    decide(&policy, asking, "GetObject", "a", &[])
}

fn allowed(principals: &str, asking: &Principal) -> Verdict {
    verdict("Allow", "Principal", principals, asking)
}

const NAMES_OF_THE_ACCOUNT: [&str; 3] = [
    r#"{"AWS":"arn:aws:iam::111122223333:root"}"#,
    r#"{"AWS":["999900009999","111122223333"]}"#,
    r#"{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}"#,
];

#[test]
fn a_star_is_everybody() {
    for everybody in ["\"*\"", r#"{"AWS":"*"}"#, r#"{"AWS":["999900009999","*"]}"#] {
        for asking in [Principal::Anonymous, account(), user("ann")] {
            assert_eq!(allowed(everybody, &asking), Verdict::Allows, "{everybody}");
        }
    }
}

#[test]
fn an_account_is_named_by_its_arn_its_number_or_its_canonical_id() {
    for principals in NAMES_OF_THE_ACCOUNT {
        assert_eq!(allowed(principals, &account()), Verdict::Allows, "{principals}");
        assert_eq!(
            allowed(principals, &Principal::Anonymous),
            Verdict::Silent,
            "{principals}"
        );
        let other = Principal::Account {
            account: "444455556666".to_owned(),
            canonical: CANONICAL.replace('7', "8"),
            user: None,
        };
        assert_eq!(allowed(principals, &other), Verdict::Silent, "{principals}");
    }
}

#[test]
fn a_grant_to_an_account_does_not_reach_its_users_by_itself() {
    for principals in NAMES_OF_THE_ACCOUNT {
        assert_eq!(
            allowed(principals, &user("ann")),
            Verdict::AllowsAccount,
            "{principals}"
        );
    }
    let both = r#"{"AWS":["111122223333","arn:aws:iam::111122223333:user/ann"]}"#;
    assert_eq!(allowed(both, &user("ann")), Verdict::Allows);
    assert_eq!(allowed(both, &user("bob")), Verdict::AllowsAccount);
}

#[test]
fn a_user_is_named_by_its_own_arn() {
    let ann = r#"{"AWS":"arn:aws:iam::111122223333:user/ann"}"#;
    assert_eq!(allowed(ann, &user("ann")), Verdict::Allows);
    for other in [user("Ann"), user("ann2"), account(), Principal::Anonymous] {
        assert_eq!(allowed(ann, &other), Verdict::Silent, "{other:?}");
    }
    let elsewhere = r#"{"AWS":"arn:aws:iam::444455556666:user/ann"}"#;
    assert_eq!(allowed(elsewhere, &user("ann")), Verdict::Silent);
}

#[test]
fn a_denial_of_an_account_holds_for_its_users() {
    for principals in NAMES_OF_THE_ACCOUNT {
        for asking in [account(), user("ann")] {
            assert_eq!(
                verdict("Deny", "Principal", principals, &asking),
                Verdict::Denies,
                "{principals}"
            );
        }
        assert_eq!(
            verdict("Deny", "Principal", principals, &Principal::Anonymous),
            Verdict::Silent
        );
    }
}

#[test]
fn roles_services_and_providers_are_nobody_here() {
    for principals in [
        r#"{"Service":"logging.s3.amazonaws.com"}"#,
        r#"{"Federated":"accounts.google.com"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:role/ann"}"#,
        r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/ann/ann"}"#,
    ] {
        for asking in [Principal::Anonymous, account(), user("ann")] {
            assert_eq!(allowed(principals, &asking), Verdict::Silent, "{principals}");
            assert_eq!(
                verdict("Deny", "NotPrincipal", principals, &asking),
                Verdict::Denies
            );
        }
    }
}

#[test]
fn a_denial_of_all_but_some_excepts_those_whom_it_names_themselves() {
    let denied = |principals, asking: &Principal| verdict("Deny", "NotPrincipal", principals, asking);
    let ann = r#"{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::111122223333:user/ann"]}"#;
    assert_eq!(denied(ann, &user("ann")), Verdict::Silent);
    assert_eq!(denied(ann, &account()), Verdict::Silent);
    assert_eq!(denied(ann, &user("bob")), Verdict::Denies);
    assert_eq!(denied(ann, &Principal::Anonymous), Verdict::Denies);
    assert_eq!(denied("\"*\"", &Principal::Anonymous), Verdict::Silent);
    assert_eq!(denied("\"*\"", &user("bob")), Verdict::Silent);
}

#[test]
fn a_grant_to_all_but_some_excepts_the_users_of_an_account_with_it() {
    let allowed = |principals, asking: &Principal| verdict("Allow", "NotPrincipal", principals, asking);
    for principals in NAMES_OF_THE_ACCOUNT {
        assert_eq!(allowed(principals, &user("ann")), Verdict::Silent);
        assert_eq!(allowed(principals, &account()), Verdict::Silent);
        assert_eq!(allowed(principals, &Principal::Anonymous), Verdict::Allows);
    }
    let ann = r#"{"AWS":"arn:aws:iam::111122223333:user/ann"}"#;
    assert_eq!(allowed(ann, &user("ann")), Verdict::Silent);
    assert_eq!(allowed(ann, &user("bob")), Verdict::Allows);
}
