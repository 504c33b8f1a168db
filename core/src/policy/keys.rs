//! The names of condition keys.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html>

/// The condition keys that requests here can have, in lower case. One that ends with a slash stands for all that begin
/// with it. The other keys of AWS are none that a request ever has.
pub const SUPPLIED_KEYS: &[&str] = &[
    "aws:currenttime",
    "aws:epochtime",
    "aws:multifactorauthpresent",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principaltype",
    "aws:referer",
    "aws:resourceaccount",
    "aws:securetransport",
    "aws:sourceip",
    "aws:tokenissuetime",
    "aws:useragent",
    "aws:userid",
    "aws:username",
    "s3:authtype",
    "s3:delimiter",
    "s3:existingobjecttag/",
    "s3:if-match",
    "s3:if-none-match",
    "s3:locationconstraint",
    "s3:max-keys",
    "s3:object-lock-legal-hold",
    "s3:object-lock-mode",
    "s3:object-lock-remaining-retention-days",
    "s3:object-lock-retain-until-date",
    "s3:objectcreationoperation",
    "s3:prefix",
    "s3:requestobjecttag/",
    "s3:requestobjecttagkeys",
    "s3:resourceaccount",
    "s3:signatureage",
    "s3:signatureversion",
    "s3:tlsversion",
    "s3:versionid",
    "s3:x-amz-acl",
    "s3:x-amz-content-sha256",
    "s3:x-amz-copy-source",
    "s3:x-amz-grant-full-control",
    "s3:x-amz-grant-read",
    "s3:x-amz-grant-read-acp",
    "s3:x-amz-grant-write",
    "s3:x-amz-grant-write-acp",
    "s3:x-amz-metadata-directive",
    "s3:x-amz-object-ownership",
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-server-side-encryption-customer-algorithm",
    "s3:x-amz-storage-class",
    "s3:x-amz-website-redirect-location",
];

/// Those that only requests to AWS can have.
const ABSENT_KEYS: &[&str] = &[
    "aws:assumedroot",
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:chatbotsourcearn",
    "aws:ec2instancesourceprivateipv4",
    "aws:ec2instancesourcevpc",
    "aws:federatedprovider",
    "aws:multifactorauthage",
    "aws:principalisawsservice",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:principaltag/",
    "aws:requestedregion",
    "aws:requesttag/",
    "aws:resourceorgid",
    "aws:resourceorgpaths",
    "aws:resourcetag/",
    "aws:signinsessionarn",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceidentity",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpcarn",
    "aws:sourcevpce",
    "aws:tagkeys",
    "aws:viaawsservice",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "aws:vpceorgpaths",
    "aws:vpcsourceip",
    "s3:accessgrantscope",
    "s3:accessgrantsinstancearn",
    "s3:accesspointnetworkorigin",
    "s3:accesspointtag/",
    "s3:buckettag/",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:destinationregion",
    "s3:existingjoboperation",
    "s3:existingjobpriority",
    "s3:inventoryaccessibleoptionalfields",
    "s3:isreplicationpauserequest",
    "s3:jobsuspendedcause",
    "s3:requestjoboperation",
    "s3:requestjobpriority",
];

/// The name under which a request is asked for a key: names are alike in either case, keys of tags are not.
pub(super) fn normalized(key: &str) -> String {
    match key.split_once('/') {
        Some((name, tag)) => format!("{}/{tag}", name.to_ascii_lowercase()),
        None => key.to_ascii_lowercase(),
    }
}

/// Whether AWS has this key, as [`normalized`] gives it.
pub(super) fn is_known(key: &str) -> bool {
    // A family's name is no key of its own, and other keys have nothing after a slash.
    let (family, tag) = match key.split_once('/') {
        Some((name, tag)) => (key.get(..=name.len()).unwrap_or(key), tag),
        None => (key, "-"),
    };
    !tag.is_empty()
        && [SUPPLIED_KEYS, ABSENT_KEYS]
            .iter()
            .any(|keys| keys.contains(&family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_listed_twice_or_with_upper_case() {
        let mut all = [SUPPLIED_KEYS, ABSENT_KEYS].concat();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(
            all.iter()
                .all(|key| normalized(key) == *key && !key.contains(char::is_uppercase))
        );
        for list in [SUPPLIED_KEYS, ABSENT_KEYS] {
            assert!(list.is_sorted());
        }
    }

    #[test]
    fn names_are_alike_in_either_case_and_keys_of_tags_are_not() {
        assert_eq!(normalized("AWS:SourceIp"), "aws:sourceip");
        assert_eq!(
            normalized("s3:ExistingObjectTag/Colour/B"),
            "s3:existingobjecttag/Colour/B"
        );
    }

    #[test]
    fn a_family_needs_a_tag_and_other_keys_have_none() {
        for key in [
            "s3:existingobjecttag/Colour",
            "aws:principaltag/a/b",
            "aws:sourceip",
            "s3:dataaccesspointarn",
        ] {
            assert!(is_known(key), "{key}");
        }
        for key in [
            "s3:existingobjecttag/",
            "s3:existingobjecttag",
            "aws:sourceip/x",
            "aws:",
            "s3:x",
            "/",
            "",
        ] {
            assert!(!is_known(key), "{key}");
        }
    }
}
