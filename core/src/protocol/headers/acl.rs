//! Headers that ask for an access control list.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#setting-acls>

use http::HeaderMap;

use super::joined;
use crate::model::{
    Acl, CannedAcl, ErrorCode, Grant, Grantee, Group, ObjectOwnership, Permission, RequestedAcl, S3Error,
};

const CANNED: &str = "x-amz-acl";

const GRANTS: [(&str, Permission); 5] = [
    ("x-amz-grant-read", Permission::Read),
    ("x-amz-grant-write", Permission::Write),
    ("x-amz-grant-read-acp", Permission::ReadAcp),
    ("x-amz-grant-write-acp", Permission::WriteAcp),
    ("x-amz-grant-full-control", Permission::FullControl),
];

/// What a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclSubject {
    /// A bucket.
    Bucket,
    /// An object.
    Object,
}

/// The list that the headers ask for; `None` where they ask for none. A canned list and grants exclude each other.
pub fn requested_acl(headers: &HeaderMap, subject: AclSubject) -> Result<Option<RequestedAcl>, S3Error> {
    let canned = joined(headers, CANNED).filter(|name| !name.is_empty());
    let mut grants = Vec::new();
    let mut has_grants = false;
    for (name, permission) in GRANTS {
        let Some(value) = joined(headers, name).filter(|value| !value.is_empty()) else {
            continue;
        };
        has_grants = true;
        for grantee in grantees(name, &value)? {
            grants.push(Grant { grantee, permission });
            check_count(grants.len())?;
        }
    }
    match canned {
        Some(_) if has_grants => Err(S3Error::message(
            ErrorCode::InvalidRequest,
            "Specifying both Canned ACLs and Header Grants is not allowed",
        )),
        Some(name) => canned_acl(&name, subject).map(|canned| Some(RequestedAcl::Canned(canned))),
        None => Ok(has_grants.then_some(RequestedAcl::Grants(grants))),
    }
}

/// Whom the headers of CreateBucket say that objects belong to.
pub fn requested_ownership(headers: &HeaderMap) -> Result<Option<ObjectOwnership>, S3Error> {
    const OWNERSHIP: &str = "x-amz-object-ownership";
    let Some(named) = joined(headers, OWNERSHIP) else {
        return Ok(None);
    };
    match ObjectOwnership::named(&named) {
        Some(ownership) => Ok(Some(ownership)),
        None => {
            let message = format!("Invalid x-amz-object-ownership header: {named}");
            Err(S3Error::invalid_argument(message, OWNERSHIP, named))
        }
    }
}

/// Refuses a list that is too long.
pub(in crate::protocol) fn check_count(grants: usize) -> Result<(), S3Error> {
    if grants <= Acl::MOST_GRANTS {
        return Ok(());
    }
    let message = format!("An access control list has at most {} grants.", Acl::MOST_GRANTS);
    Err(S3Error::message(ErrorCode::MalformedACLError, message))
}

/// The account of a canonical user id, which the request calls `argument`.
pub(in crate::protocol) fn user(argument: &'static str, id: &str) -> Result<Grantee, S3Error> {
    Grantee::user(id).ok_or_else(|| S3Error::invalid_argument("Invalid id", argument, id))
}

/// The group of a URI, which the request calls `argument`.
pub(in crate::protocol) fn group(argument: &'static str, uri: &str) -> Result<Grantee, S3Error> {
    let group = Group::from_uri(uri).map(Grantee::Group);
    group.ok_or_else(|| S3Error::invalid_argument("Invalid group uri", argument, uri))
}

/// S3 takes no grants by e-mail address any more. What is refused is to write such a list, whatever it comes with.
pub(in crate::protocol) fn by_email() -> S3Error {
    S3Error::message(
        ErrorCode::MethodNotAllowed,
        "Grants to an e-mail address are not allowed. Name the account by its canonical user id.",
    )
    .with("Method", "PUT")
    .with("ResourceType", "ACL")
    .with_header("allow", "GET, PUT".to_owned())
}

fn canned_acl(name: &str, subject: AclSubject) -> Result<CannedAcl, S3Error> {
    Ok(match name {
        "private" => CannedAcl::Private,
        "public-read" => CannedAcl::PublicRead,
        "public-read-write" => CannedAcl::PublicReadWrite,
        "authenticated-read" => CannedAcl::AuthenticatedRead,
        "bucket-owner-read" => CannedAcl::BucketOwnerRead,
        "bucket-owner-full-control" => CannedAcl::BucketOwnerFullControl,
        "log-delivery-write" if subject == AclSubject::Bucket => CannedAcl::LogDeliveryWrite,
        // It lets Amazon EC2 read, which is no account here.
        "aws-exec-read" => return Err(S3Error::not_implemented(&format!("{CANNED}: {name}"))),
        _ => {
            return Err(S3Error::invalid_argument(
                ErrorCode::InvalidArgument.message(),
                CANNED,
                name,
            ));
        }
    })
}

/// The grantees in a header: `id="…", uri="…"`, with or without quotes.
fn grantees(header: &'static str, value: &str) -> Result<Vec<Grantee>, S3Error> {
    let malformed = || S3Error::invalid_argument("Argument format not recognized", header, value);
    let mut grantees = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        let (kind, after) = rest.split_once('=').ok_or_else(malformed)?;
        let after = after.trim_start();
        let (text, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(malformed)?,
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        grantees.push(match kind.trim() {
            "id" => user("id", text.trim())?,
            "uri" => group("uri", text.trim())?,
            "emailAddress" => return Err(by_email()),
            _ => return Err(malformed()),
        });
        check_count(grantees.len())?;
        rest = match after.trim_start() {
            "" => "",
            after => match after.strip_prefix(',').map(str::trim) {
                Some(next) if !next.is_empty() => next,
                _ => return Err(malformed()),
            },
        };
    }
    if grantees.is_empty() {
        return Err(malformed());
    }
    Ok(grantees)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::headers::header_map;

    const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";

    fn read(pairs: &[(&str, &str)]) -> Result<Option<RequestedAcl>, S3Error> {
        requested_acl(&header_map(pairs), AclSubject::Object)
    }

    fn error(pairs: &[(&str, &str)]) -> (ErrorCode, String) {
        let error = read(pairs).unwrap_err();
        (error.code, error.message.into_owned())
    }

    #[test]
    fn headers_without_a_list_ask_for_none() {
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(
            read(&[("x-amz-acl", ""), ("x-amz-grant-read", "")]).unwrap(),
            None
        );
    }

    #[test]
    fn grants_name_accounts_and_groups_with_and_without_quotes() {
        let (one, two) = ("1".repeat(64), "2".repeat(64));
        let value = format!("id=\"{one}\", id={two} ,uri=\"{ALL_USERS}\"");
        let requested = read(&[
            ("x-amz-grant-read", &value),
            ("x-amz-grant-write-acp", &format!("id={one}")),
        ]);
        let grant = |grantee, permission| Grant { grantee, permission };
        let expected = vec![
            grant(Grantee::User(one.clone()), Permission::Read),
            grant(Grantee::User(two), Permission::Read),
            grant(Grantee::Group(Group::AllUsers), Permission::Read),
            grant(Grantee::User(one), Permission::WriteAcp),
        ];
        assert_eq!(requested.unwrap(), Some(RequestedAcl::Grants(expected)));
    }

    #[test]
    fn what_is_no_list_of_grantees_is_refused() {
        let id = "1".repeat(64);
        for value in [
            "x",
            "=",
            ",",
            "id=\"1",
            "name=x",
            &format!("id=\"{id}\"x"),
            &format!("id={id},"),
        ] {
            let refused = error(&[("x-amz-grant-read", value)]);
            assert_eq!(refused.0, ErrorCode::InvalidArgument, "{value}");
            assert_eq!(refused.1, "Argument format not recognized", "{value}");
        }
        for (value, code, message) in [
            ("id=short", ErrorCode::InvalidArgument, "Invalid id"),
            (
                "uri=http://elsewhere",
                ErrorCode::InvalidArgument,
                "Invalid group uri",
            ),
        ] {
            assert_eq!(error(&[("x-amz-grant-read", value)]), (code, message.to_owned()));
        }
        let by_email = error(&[("x-amz-grant-read", "emailAddress=a@example.com")]);
        assert_eq!(by_email.0, ErrorCode::MethodNotAllowed);
    }

    #[test]
    fn a_canned_list_and_grants_exclude_each_other() {
        let (code, message) = error(&[
            ("x-amz-acl", "private"),
            ("x-amz-grant-read", &format!("uri={ALL_USERS}")),
        ]);
        assert_eq!(code, ErrorCode::InvalidRequest);
        assert_eq!(
            message,
            "Specifying both Canned ACLs and Header Grants is not allowed"
        );
    }

    #[test]
    fn a_canned_list_has_one_of_s3s_names() {
        let code = |name, subject| {
            requested_acl(&header_map(&[("x-amz-acl", name)]), subject).map_err(|error| error.code)
        };
        assert_eq!(
            code("public", AclSubject::Object),
            Err(ErrorCode::InvalidArgument)
        );
        assert_eq!(
            code("aws-exec-read", AclSubject::Object),
            Err(ErrorCode::NotImplemented)
        );
        assert_eq!(
            code("log-delivery-write", AclSubject::Object),
            Err(ErrorCode::InvalidArgument)
        );
        let expected = RequestedAcl::Canned(CannedAcl::LogDeliveryWrite);
        assert_eq!(code("log-delivery-write", AclSubject::Bucket), Ok(Some(expected)));
    }

    #[test]
    fn grants_are_counted_over_all_headers() {
        let list = |count: usize| vec![format!("uri={ALL_USERS}"); count].join(",");
        let sent = |reads: usize, writes: usize| {
            read(&[
                ("x-amz-grant-read", &list(reads)),
                ("x-amz-grant-write", &list(writes)),
            ])
        };
        assert!(sent(50, 50).is_ok());
        assert_eq!(sent(51, 50).unwrap_err().code, ErrorCode::MalformedACLError);
    }
}
