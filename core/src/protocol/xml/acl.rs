//! Access control lists in XML.

use super::reader::{Reader, malformed, read_document};
use super::{Writer, document};
use crate::model::{Acl, ErrorCode, Grant, Grantee, Owner, Permission, S3Error};
use crate::protocol::headers::{by_email, check_count, group, user};

/// The root, `Owner` with `ID` and `DisplayName`, and the list itself.
const ELEMENTS: usize = 5;
/// `Grant`, `Grantee` with `ID` and `DisplayName`, `Permission`; for one grant too many, to say so.
const ELEMENTS_PER_GRANT: usize = 5;

/// The body of PutBucketAcl and PutObjectAcl.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessControlPolicy {
    /// The id of whom the client takes for the owner.
    pub owner: String,
    /// The grants.
    pub grants: Vec<Grant>,
}

/// Reads a list. `MalformedACLError` where it is none, names no owner, or has more than [`Acl::MOST_GRANTS`] grants;
/// `InvalidArgument` where an id is none.
pub fn read_access_control_policy(xml: &[u8]) -> Result<AccessControlPolicy, S3Error> {
    let most = ELEMENTS + (Acl::MOST_GRANTS + 1) * ELEMENTS_PER_GRANT;
    let policy = read_document(xml, "AccessControlPolicy", most, |reader| {
        let (mut owner, mut grants) = (None, None);
        while let Some(name) = reader.next_child()? {
            match name.as_str() {
                "Owner" if owner.is_none() => owner = Some(read_owner(reader)?),
                "AccessControlList" if grants.is_none() => grants = Some(read_grants(reader)?),
                _ => return Err(malformed()),
            }
        }
        let (owner, grants) = owner.zip(grants).ok_or_else(malformed)?;
        Ok(AccessControlPolicy { owner, grants })
    });
    policy.map_err(|error| match error.code {
        ErrorCode::MalformedXML => S3Error {
            source: error.source,
            ..S3Error::new(ErrorCode::MalformedACLError)
        },
        _ => error,
    })
}

fn read_owner(reader: &mut Reader<'_>) -> Result<String, S3Error> {
    let (mut id, mut name) = (None, None);
    while let Some(child) = reader.next_child()? {
        match child.as_str() {
            "ID" if id.is_none() => id = Some(reader.text()?),
            "DisplayName" if name.is_none() => name = Some(reader.text()?),
            _ => return Err(malformed()),
        }
    }
    let id = id.ok_or_else(malformed)?;
    user("CanonicalUser/ID", &id)?;
    Ok(id)
}

fn read_grants(reader: &mut Reader<'_>) -> Result<Vec<Grant>, S3Error> {
    let mut grants = Vec::new();
    while let Some(child) = reader.next_child()? {
        if child != "Grant" {
            return Err(malformed());
        }
        grants.push(read_grant(reader)?);
        check_count(grants.len())?;
    }
    Ok(grants)
}

fn read_grant(reader: &mut Reader<'_>) -> Result<Grant, S3Error> {
    let (mut grantee, mut permission) = (None, None);
    while let Some(child) = reader.next_child()? {
        match child.as_str() {
            "Grantee" if grantee.is_none() => grantee = Some(read_grantee(reader)?),
            "Permission" if permission.is_none() => {
                permission = Some(Permission::from_name(&reader.text()?).ok_or_else(malformed)?);
            }
            _ => return Err(malformed()),
        }
    }
    let grant = grantee
        .zip(permission)
        .map(|(grantee, permission)| Grant { grantee, permission });
    grant.ok_or_else(malformed)
}

/// What a grantee holds decides what it is; the type that it has as an attribute must say the same.
fn read_grantee(reader: &mut Reader<'_>) -> Result<Grantee, S3Error> {
    let kind = reader.kind().map(str::to_owned);
    let (mut named, mut display_name) = (None, None);
    while let Some(child) = reader.next_child()? {
        let text = reader.text()?;
        let expected = match child.as_str() {
            "DisplayName" if display_name.is_none() => {
                display_name = Some(text);
                continue;
            }
            "ID" => "CanonicalUser",
            "URI" => "Group",
            "EmailAddress" => "AmazonCustomerByEmail",
            _ => return Err(malformed()),
        };
        if named.is_some() || kind.as_ref().is_none_or(|kind| kind != expected) {
            return Err(malformed());
        }
        named = Some(match expected {
            "CanonicalUser" => user("CanonicalUser/ID", &text)?,
            "Group" => group("Group/URI", &text)?,
            _ => return Err(by_email()),
        });
    }
    named.ok_or_else(malformed)
}

/// The list of what `owner` owns. Names are shown of the owner only: others need not be known here.
pub fn access_control_policy(owner: &Owner, acl: &Acl) -> Vec<u8> {
    document("AccessControlPolicy", |root| {
        root.element("Owner", |element| {
            element.text("ID", &owner.id);
            element.text("DisplayName", &owner.display_name);
        });
        root.element("AccessControlList", |list| {
            for grant in acl.grants(owner) {
                list.element("Grant", |element| {
                    write_grantee(element, &grant.grantee, owner);
                    element.text("Permission", grant.permission.name());
                });
            }
        });
    })
}

fn write_grantee(grant: &mut Writer, grantee: &Grantee, owner: &Owner) {
    const USER: &str = " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"";
    const GROUP: &str = " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\"";
    match grantee {
        Grantee::User(id) => grant.element_with("Grantee", USER, |element| {
            element.text("ID", id);
            element.optional("DisplayName", (*id == owner.id).then_some(&owner.display_name));
        }),
        Grantee::Group(group) => {
            grant.element_with("Grantee", GROUP, |element| element.text("URI", group.uri()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{CannedAcl, RequestedAcl};

    const XSI: &str = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";

    fn owner() -> Owner {
        Owner {
            id: "a".repeat(64),
            display_name: "<Zoë>".to_owned(),
        }
    }

    fn read(list: &str) -> Result<Vec<Grant>, ErrorCode> {
        let xml = format!(
            "<AccessControlPolicy><Owner><ID>{}</ID></Owner><AccessControlList>{list}</AccessControlList></AccessControlPolicy>",
            owner().id
        );
        let policy = read_access_control_policy(xml.as_bytes());
        policy.map(|policy| policy.grants).map_err(|error| error.code)
    }

    fn grant(kind: &str, content: &str, permission: &str) -> String {
        format!(
            "<Grant><Grantee {XSI} xsi:type=\"{kind}\">{content}</Grantee><Permission>{permission}</Permission></Grant>"
        )
    }

    #[test]
    fn a_list_that_was_shown_is_read_as_the_same() {
        for canned in [
            CannedAcl::Private,
            CannedAcl::PublicReadWrite,
            CannedAcl::AuthenticatedRead,
            CannedAcl::LogDeliveryWrite,
        ] {
            let acl = RequestedAcl::Canned(canned).of_bucket(&owner());
            let policy = read_access_control_policy(&access_control_policy(&owner(), &acl)).unwrap();
            assert_eq!(policy.owner, owner().id);
            assert_eq!(Acl::new(policy.grants, &owner()), acl);
        }
    }

    #[test]
    fn only_the_owner_has_a_name_in_the_list() {
        let other = Grantee::user(&"b".repeat(64)).unwrap();
        let grants = [Grantee::user(&owner().id).unwrap(), other].map(|grantee| Grant {
            grantee,
            permission: Permission::Read,
        });
        let acl = Acl::new(grants.to_vec(), &owner());
        let xml = String::from_utf8(access_control_policy(&owner(), &acl)).unwrap();
        let id = "a".repeat(64);
        assert!(xml.contains(&format!(
            "<Owner><ID>{id}</ID><DisplayName>&lt;Zoë&gt;</DisplayName></Owner><AccessControlList><Grant><Grantee {XSI} \
             xsi:type=\"CanonicalUser\"><ID>{id}</ID><DisplayName>&lt;Zoë&gt;</DisplayName></Grantee>\
             <Permission>READ</Permission></Grant>"
        )));
        assert!(xml.contains(&format!("<ID>{}</ID></Grantee>", "b".repeat(64))));
    }

    #[test]
    fn a_grantee_is_what_its_type_says() {
        let id = format!("<ID>{}</ID>", "b".repeat(64));
        let uri = "<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI>";
        let named = format!("{id}<DisplayName>x</DisplayName>");
        assert_eq!(read(&grant("CanonicalUser", &named, "READ")).unwrap().len(), 1);
        assert_eq!(read(&grant("Group", uri, "WRITE_ACP")).unwrap().len(), 1);
        assert_eq!(read(""), Ok(Vec::new()));
        let malformed = Err(ErrorCode::MalformedACLError);
        assert_eq!(read(&grant("Group", &id, "READ")), malformed);
        assert_eq!(read(&grant("CanonicalUser", uri, "READ")), malformed);
        assert_eq!(
            read(&grant("CanonicalUser", &format!("{id}{id}"), "READ")),
            malformed
        );
        assert_eq!(read(&grant("CanonicalUser", "", "READ")), malformed);
        assert_eq!(read(&grant("CanonicalUser", &id, "ALL")), malformed);
        assert_eq!(
            read(&format!(
                "<Grant><Grantee>{id}</Grantee><Permission>READ</Permission></Grant>"
            )),
            malformed
        );
        let invalid = Err(ErrorCode::InvalidArgument);
        assert_eq!(read(&grant("CanonicalUser", "<ID>b</ID>", "READ")), invalid);
        assert_eq!(read(&grant("Group", "<URI>b</URI>", "READ")), invalid);
        let email = "<EmailAddress>a@example.com</EmailAddress>";
        assert_eq!(
            read(&grant("AmazonCustomerByEmail", email, "READ")),
            Err(ErrorCode::MethodNotAllowed)
        );
    }

    #[test]
    fn what_is_no_list_is_malformed() {
        for xml in [
            "x",
            "<AccessControlPolicy/>",
            "<Other/>",
            "<AccessControlPolicy><Owner/></AccessControlPolicy>",
            "<AccessControlPolicy><AccessControlList/></AccessControlPolicy>",
            "<AccessControlPolicy><Owner/><AccessControlList/></AccessControlPolicy>",
        ] {
            let error = read_access_control_policy(xml.as_bytes()).unwrap_err();
            assert_eq!(error.code, ErrorCode::MalformedACLError, "{xml}");
        }
    }

    #[test]
    fn an_owner_has_a_canonical_id() {
        let xml =
            "<AccessControlPolicy><Owner><ID>wrong-id</ID></Owner><AccessControlList/></AccessControlPolicy>";
        let error = read_access_control_policy(xml.as_bytes()).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument);
        assert_eq!(error.message, "Invalid id");
        assert_eq!(error.fields[0].1, "CanonicalUser/ID");
    }

    #[test]
    fn a_list_has_100_grants_at_most() {
        let one = grant(
            "CanonicalUser",
            &format!("<ID>{}</ID><DisplayName/>", "b".repeat(64)),
            "READ",
        );
        assert_eq!(read(&one.repeat(100)).unwrap().len(), 100);
        for count in [101, 200] {
            let xml = format!(
                "<AccessControlPolicy><Owner><ID>{}</ID></Owner><AccessControlList>{}</AccessControlList></AccessControlPolicy>",
                owner().id,
                one.repeat(count)
            );
            let error = read_access_control_policy(xml.as_bytes()).unwrap_err();
            assert_eq!(error.code, ErrorCode::MalformedACLError);
            assert_eq!(error.message, "An access control list has at most 100 grants.");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..60), content in "\\PC{0,40}") {
            let _bytes = read_access_control_policy(&body);
            let _text = read(&content);
        }
    }
}
