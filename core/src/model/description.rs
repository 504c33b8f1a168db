//! What is said of an object, apart from its bytes.

use serde::{Deserialize, Serialize};

use super::{Acl, Owner, Permission, Tags};

/// What is said of an object and does not decide its bytes. An upload keeps it for the object that it becomes.
///
/// Its members are stored beside those of the row that it is part of (`flatten`), as they always were. That a row with
/// a member that nobody knows is refused holds only as long as this is a plain struct whose members are not flattened
/// themselves: serde does not look into more than one level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Whose it is: who wrote it, or began the upload.
    pub owner: Owner,
    /// Who may do what with it.
    #[serde(default, skip_serializing_if = "Acl::is_private")]
    pub acl: Acl,
    /// What the client said about it.
    pub headers: ObjectHeaders,
    /// Its tags. Programs of release 0.1 do not know them: [`BucketLayout::TAGS`](super::BucketLayout::TAGS).
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

impl Description {
    /// Of an object of `owner` of which nothing else is said.
    pub fn of(owner: Owner) -> Self {
        Self {
            owner,
            acl: Acl::default(),
            headers: ObjectHeaders::default(),
            tags: Tags::default(),
        }
    }

    /// Whether its list gives `account` the permission.
    pub fn allows(&self, account: &Owner, wanted: Permission) -> bool {
        self.acl.allows(&self.owner, account, wanted)
    }
}

/// What the client said about an object, given back with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObjectHeaders {
    /// `Content-Type`; S3 answers `binary/octet-stream` where the client sent none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Cache-Control`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Content-Disposition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Expires`, as it was sent: S3 does not parse it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// `x-amz-meta-*`: names in lower case without the prefix, values decoded (RFC 2047) to UTF-8.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_metadata: Vec<(String, String)>,
    /// `x-amz-storage-class` where it was not `STANDARD`. Kept and returned, not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// Whether the client asked for `x-amz-server-side-encryption: AES256`. Echoed, not acted on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sse_s3: bool,
    /// `x-amz-website-redirect-location`: where visitors of a website are sent in place of seeing it. Earlier programs
    /// do not know it: [`BucketLayout::REDIRECTS`](super::BucketLayout::REDIRECTS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website_redirect: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::model::{BucketLayout, ObjectRecord, OwnerlessDescription, Upload};
    use crate::ports::StoreErrorKind;
    use crate::rows::read_stored;

    /// Rows as release 0.1 writes them, with all that they may have and with as little.
    const RECORDS: [&str; 2] = [
        concat!(
            r#"{"bucket":"01010101010101010101010101010101","key":"a/b","commit_id":"02020202020202020202020202020202","#,
            r#""kind":"Object","etag":"03030303030303030303030303030303-2","size":18446744073709551615,"#,
            r#""last_modified":1795959852543,"owner":{"id":"a11ce","display_name":"alice"},"#,
            r#""acl":[{"grantee":{"Group":"AllUsers"},"permission":"READ"}],"#,
            r#""headers":{"content_type":"text/plain","cache_control":"no-store","content_disposition":"inline","#,
            r#""content_encoding":"gzip","content_language":"sv","expires":"0","#,
            r#""user_metadata":[["colour","blå"],["size","\"1\""]],"storage_class":"GLACIER","sse_s3":true},"#,
            r#""checksum":{"algorithm":"CRC64NVME","kind":"FULL_OBJECT","value":"OJcx7UH7XWo="},"shared":true,"#,
            r#""manifest":{"Extents":{"extents":[{"blob":{"bucket":"01010101010101010101010101010101","#,
            r#""blob":"04040404040404040404040404040404"},"offset":0,"length":20019,"blob_length":20019,"#,
            r#""blob_crc64nvme":18446744073709551615}]}}}"#,
        ),
        concat!(
            r#"{"bucket":"01010101010101010101010101010101","key":"a","commit_id":"02020202020202020202020202020202","#,
            r#""kind":"DeleteMarker","etag":"03030303030303030303030303030303","size":0,"last_modified":0,"#,
            r#""owner":{"id":"a11ce","display_name":""},"headers":{},"shared":false,"manifest":{"Inline":""}}"#,
        ),
    ];

    const UPLOADS: [&str; 2] = [
        concat!(
            r#"{"id":"05050505050505050505050505050505","bucket_name":"photos","#,
            r#""bucket":"01010101010101010101010101010101","key":"a/b","initiated":1795959852986,"#,
            r#""owner":{"id":"a11ce","display_name":"alice"},"#,
            r#""acl":[{"grantee":{"User":"b0b"},"permission":"FULL_CONTROL"}],"#,
            r#""headers":{"content_type":"text/plain","user_metadata":[["colour","blå"]]},"#,
            r#""checksum":["SHA256","COMPOSITE"],"state":{"Completing":"06060606060606060606060606060606"}}"#,
        ),
        concat!(
            r#"{"id":"05050505050505050505050505050505","bucket_name":"photos","#,
            r#""bucket":"01010101010101010101010101010101","key":"a","initiated":0,"#,
            r#""owner":{"id":"a11ce","display_name":"alice"},"headers":{},"state":"Open"}"#,
        ),
    ];

    const OWNERLESS: [&str; 2] = [
        concat!(
            r#"{"headers":{"content_type":"text/plain","cache_control":"no-store","content_disposition":"inline","#,
            r#""content_encoding":"gzip","content_language":"sv","expires":"0","#,
            r#""user_metadata":[["colour","blå"],["size","\"1\""]],"storage_class":"GLACIER","sse_s3":true},"#,
            r#""checksum":{"algorithm":"CRC64NVME","kind":"FULL_OBJECT","value":"OJcx7UH7XWo="},"#,
            r#""acl":[{"grantee":{"Group":"AllUsers"},"permission":"READ"}]}"#,
        ),
        r#"{"headers":{}}"#,
    ];

    fn is_written_as_it_was_read<T: Serialize + DeserializeOwned>(stored: &str) {
        let read: T = read_stored(stored).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), stored);
    }

    #[test]
    fn records_and_uploads_of_release_0_1_are_written_as_they_were_read() {
        for (record, ownerless) in RECORDS.into_iter().zip(OWNERLESS) {
            is_written_as_it_was_read::<ObjectRecord>(record);
            is_written_as_it_was_read::<OwnerlessDescription>(ownerless);
            let record: ObjectRecord = read_stored(record).unwrap();
            let kept = OwnerlessDescription::of(&record);
            assert_eq!(serde_json::to_string(&kept).unwrap(), ownerless);
            let owner = record.description.owner.clone();
            assert_eq!(kept.owned_by(owner), (record.description, record.checksum, None));
        }
        for upload in UPLOADS {
            is_written_as_it_was_read::<Upload>(upload);
        }
    }

    #[test]
    fn tags_are_kept_in_order_by_records_uploads_and_rows_without_owner() {
        let tags = json!([["b", "1"], ["a é", ""]]);
        let tagged = |stored: &str| {
            let mut row: Value = serde_json::from_str(stored).unwrap();
            row["tags"] = tags.clone();
            row.to_string()
        };
        let record: ObjectRecord = read_stored(tagged(RECORDS[0])).unwrap();
        let upload: Upload = read_stored(tagged(UPLOADS[0])).unwrap();
        let pairs = [("b", "1"), ("a é", "")];
        assert_eq!(record.description.tags.iter().collect::<Vec<_>>(), pairs);
        assert_eq!(upload.description.tags.iter().collect::<Vec<_>>(), pairs);
        for row in [
            serde_json::to_value(&record).unwrap(),
            serde_json::to_value(&upload).unwrap(),
            serde_json::to_value(OwnerlessDescription::of(&record)).unwrap(),
        ] {
            assert_eq!(row["tags"], tags);
        }
        let kept = OwnerlessDescription::of(&record);
        let owner = record.description.owner.clone();
        assert_eq!(kept.owned_by(owner).0, record.description);
    }

    #[test]
    fn where_visitors_are_sent_is_kept_by_records_uploads_and_rows_without_owner() {
        // After what stands there last.
        let sending = |stored: &str| {
            let redirect = r#","website_redirect":"/b?c#d"}"#;
            match stored.contains(r#""headers":{}"#) {
                true => stored.replace(r#""headers":{}"#, r#""headers":{"website_redirect":"/b?c#d"}"#),
                false => stored.replace(r#""sse_s3":true}"#, &format!(r#""sse_s3":true{redirect}"#)),
            }
        };
        is_written_as_it_was_read::<ObjectRecord>(&sending(RECORDS[0]));
        is_written_as_it_was_read::<Upload>(&sending(UPLOADS[1]));
        is_written_as_it_was_read::<OwnerlessDescription>(&sending(OWNERLESS[0]));
        let record: ObjectRecord = read_stored(sending(RECORDS[1])).unwrap();
        let headers = &record.description.headers;
        assert_eq!(headers.website_redirect.as_deref(), Some("/b?c#d"));
        let layout = |tags: &Tags| BucketLayout::of_objects_with(headers, tags);
        assert_eq!(layout(&Tags::default()), BucketLayout::REDIRECTS);
        assert_eq!(
            BucketLayout::of_objects_with(&ObjectHeaders::default(), &Tags::default()),
            BucketLayout::FIRST
        );
    }

    /// The kind of the error and its text, once the stored row was changed.
    fn refused<T: DeserializeOwned + std::fmt::Debug>(
        stored: &str,
        change: impl FnOnce(&mut Value),
    ) -> (StoreErrorKind, String) {
        let mut row: Value = serde_json::from_str(stored).unwrap();
        change(&mut row);
        let error = read_stored::<T>(row.to_string()).unwrap_err();
        (error.kind, error.to_string())
    }

    fn refuses_what_it_does_not_know<T: DeserializeOwned + std::fmt::Debug>(stored: &str, places: &[&str]) {
        for place in places {
            let (kind, text) = refused::<T>(stored, |row| {
                row.pointer_mut(place).unwrap()["later"] = json!(1);
            });
            assert_eq!(kind, StoreErrorKind::TooNew, "{place}: {text}");
            assert!(text.contains("unknown field `later`"), "{place}: {text}");
        }
    }

    #[test]
    fn a_row_with_a_member_that_is_not_known_is_refused_at_every_depth() {
        for record in RECORDS {
            refuses_what_it_does_not_know::<ObjectRecord>(record, &["", "/owner", "/headers"]);
        }
        for upload in UPLOADS {
            refuses_what_it_does_not_know::<Upload>(upload, &["", "/owner", "/headers"]);
        }
        for ownerless in OWNERLESS {
            refuses_what_it_does_not_know::<OwnerlessDescription>(ownerless, &["", "/headers"]);
        }
        refuses_what_it_does_not_know::<ObjectRecord>(RECORDS[0], &["/acl/0", "/checksum"]);
        refuses_what_it_does_not_know::<Upload>(UPLOADS[0], &["/acl/0"]);
        let (kind, text) =
            refused::<ObjectRecord>(RECORDS[0], |row| row["acl"][0]["permission"] = json!("LATER"));
        assert_eq!(kind, StoreErrorKind::TooNew, "{text}");
    }

    fn is_damaged<T: DeserializeOwned + std::fmt::Debug>(stored: &str, why: &str) {
        let error = read_stored::<T>(stored).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }

    #[test]
    fn a_row_that_lacks_a_member_or_has_one_twice_is_damaged() {
        let lacking = |stored: &str, member: &str| {
            let mut row: Value = serde_json::from_str(stored).unwrap();
            row.as_object_mut().unwrap().remove(member).unwrap();
            row.to_string()
        };
        let again = |stored: &str, member: &str| stored.replacen('{', &format!("{{{member},"), 1);
        for member in ["owner", "headers", "bucket", "key"] {
            let why = format!("missing field `{member}`");
            is_damaged::<ObjectRecord>(&lacking(RECORDS[0], member), &why);
            is_damaged::<Upload>(&lacking(UPLOADS[0], member), &why);
        }
        let owner = r#""owner":{"id":"b0b","display_name":""}"#;
        for member in [owner, r#""headers":{}"#, r#""key":"b""#] {
            is_damaged::<ObjectRecord>(&again(RECORDS[0], member), "duplicate field");
            is_damaged::<Upload>(&again(UPLOADS[0], member), "duplicate field");
        }
    }
}
