//! GetObjectAttributes.

use http::header::LAST_MODIFIED;

use super::get_object::check_conditions;
use super::response::{set, set_version, xml};
use super::{Answer, Call, bounded_number};
use crate::model::{Checksum, ChecksumKind, ObjectRecord, PartBoundary, PartNumber, S3Error};
use crate::ops::{self, ObjectAttributes};
use crate::protocol::attributes::{Attribute, requested};
use crate::protocol::conditions::ReadConditions;
use crate::protocol::headers::refuse_customer_key;
use crate::protocol::xml::{Writer, document};

const MAX_PARTS: &str = "x-amz-max-parts";
const PART_NUMBER_MARKER: &str = "x-amz-part-number-marker";

/// The most parts on one page, and how many there are on one without `x-amz-max-parts`.
const MOST_PARTS: usize = 1_000;

pub(super) async fn get_object_attributes(call: &Call<'_>) -> Answer {
    let attributes = requested(call.headers())?;
    let page = Page::of(call)?;
    let conditions = ReadConditions::of_read(call.headers(), call.now());
    let wants_parts = attributes.contains(&Attribute::ObjectParts);
    let check = |record: &ObjectRecord| {
        refuse_customer_key(call.headers())?;
        check_conditions(&conditions, record)?;
        // How many parts there are is in the record; what each holds is in the layout.
        Ok(wants_parts && record.shows_checksums_of_parts())
    };
    let found = ops::object_attributes(call.context, &call.caller, &call.target()?, &check).await?;
    let mut response = xml(document("GetObjectAttributesResponse", |root| {
        let mut attributes = attributes;
        attributes.sort_unstable();
        attributes.dedup();
        for attribute in attributes {
            write(root, attribute, &found, &page);
        }
    }));
    set(
        response.headers_mut(),
        LAST_MODIFIED,
        &found.record.last_modified.http_date(),
    )?;
    set_version(response.headers_mut(), found.version)?;
    Ok(response)
}

/// Which of the parts are shown.
struct Page {
    after: usize,
    limit: usize,
}

impl Page {
    fn of(call: &Call<'_>) -> Result<Self, S3Error> {
        let number = |name: &'static str, most: usize| {
            let text = call.headers().get(name);
            let text = text.map(|value| value.to_str().unwrap_or_default());
            let text = text.filter(|text| !text.is_empty());
            text.map(|text| bounded_number(name, text, most)).transpose()
        };
        Ok(Self {
            after: number(PART_NUMBER_MARKER, usize::from(PartNumber::MAX))?.unwrap_or(0),
            limit: number(MAX_PARTS, MOST_PARTS)?.unwrap_or(MOST_PARTS),
        })
    }
}

fn write(root: &mut Writer, attribute: Attribute, found: &ObjectAttributes, page: &Page) {
    let record = &found.record;
    match attribute {
        Attribute::ETag => root.text("ETag", record.etag.as_str()),
        Attribute::Checksum => {
            if let Some(checksum) = &record.checksum {
                root.element("Checksum", |element| write_checksum(element, checksum));
            }
        }
        Attribute::ObjectParts if record.manifest.parts_count() > 0 => {
            root.element("ObjectParts", |element| write_parts(element, found, page));
        }
        Attribute::ObjectParts => {}
        Attribute::StorageClass => {
            let class = record.description.headers.storage_class.as_deref();
            root.text("StorageClass", class.unwrap_or("STANDARD"));
        }
        Attribute::ObjectSize => root.text("ObjectSize", record.size),
    }
}

/// Here S3 leaves out the number of parts after a composite value.
fn write_checksum(element: &mut Writer, checksum: &Checksum) {
    let value = match checksum.kind {
        ChecksumKind::FullObject => checksum.value.as_str(),
        ChecksumKind::Composite => checksum.value.split('-').next().unwrap_or_default(),
    };
    element.text(checksum.algorithm.element(), value);
    element.text("ChecksumType", checksum.kind.name());
}

fn write_parts(element: &mut Writer, found: &ObjectAttributes, page: &Page) {
    element.text("PartsCount", found.record.manifest.parts_count());
    if !found.record.shows_checksums_of_parts() {
        return;
    }
    let follows = |part: &&PartBoundary| usize::from(part.number.get()) > page.after;
    let rest: Vec<&PartBoundary> = found.parts.iter().filter(follows).collect();
    let shown = &rest[..rest.len().min(page.limit)];
    element.text("PartNumberMarker", page.after);
    element.text(
        "NextPartNumberMarker",
        shown.last().map_or(0, |part| part.number.get()),
    );
    element.text("MaxParts", page.limit);
    element.text("IsTruncated", shown.len() < rest.len());
    for part in shown {
        element.element("Part", |element| {
            if let Some(checksum) = &part.checksum {
                element.text(checksum.algorithm.element(), &checksum.value);
            }
            element.text("PartNumber", part.number);
            element.text("Size", part.length);
        });
    }
}
