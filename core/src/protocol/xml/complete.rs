//! The body of CompleteMultipartUpload.

use super::reader::{Reader, malformed, read_document};
use crate::model::{ChecksumAlgorithm, ETag, PartNumber, S3Error};

/// A part that the client wants in the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedPart {
    /// Its number.
    pub number: PartNumber,
    /// The entity tag that the client got for it.
    pub etag: ETag,
    /// The checksums that the client names, as it wrote them.
    pub checksums: Vec<(ChecksumAlgorithm, String)>,
}

/// A part has its number, its ETag and one checksum of each kind at most.
const ELEMENTS_PER_PART: usize = 3 + ChecksumAlgorithm::ALL.len();

/// Reads the list of parts, in the order that the client gave; the caller checks that order. No document at all is no
/// parts, which S3 refuses by another name than an empty list.
/// `MalformedXML` for none or for more than 10,000.
pub fn read_complete_multipart_upload(xml: &[u8]) -> Result<Vec<CompletedPart>, S3Error> {
    if xml.is_empty() {
        return Ok(Vec::new());
    }
    let max_parts = usize::from(PartNumber::MAX);
    read_document(
        xml,
        "CompleteMultipartUpload",
        1 + max_parts * ELEMENTS_PER_PART,
        |reader| {
            let mut parts = Vec::new();
            while let Some(name) = reader.next_child()? {
                if name != "Part" || parts.len() == max_parts {
                    return Err(malformed());
                }
                parts.push(part(reader)?);
            }
            if parts.is_empty() {
                Err(malformed())
            } else {
                Ok(parts)
            }
        },
    )
}

fn part(reader: &mut Reader<'_>) -> Result<CompletedPart, S3Error> {
    let mut number = None;
    let mut etag = None;
    let mut checksums: Vec<(ChecksumAlgorithm, String)> = Vec::new();
    while let Some(name) = reader.next_child()? {
        let text = reader.text()?;
        match name.as_str() {
            "PartNumber" if number.is_none() => {
                let parsed = text.trim().parse().map_err(|_| malformed())?;
                number = Some(PartNumber::new(parsed)?);
            }
            "ETag" if etag.is_none() => etag = Some(ETag::from_client(&text)),
            element => {
                let algorithm = ChecksumAlgorithm::ALL
                    .into_iter()
                    .find(|a| a.element() == element);
                let algorithm = algorithm.ok_or_else(malformed)?;
                if checksums.iter().any(|(seen, _)| *seen == algorithm) {
                    return Err(malformed());
                }
                checksums.push((algorithm, text.trim().to_owned()));
            }
        }
    }
    Ok(CompletedPart {
        number: number.ok_or_else(malformed)?,
        etag: etag.ok_or_else(malformed)?,
        checksums,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::ErrorCode;

    const VALID: &str = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
        <Part><ETag>&quot;aa&quot;</ETag><PartNumber>1</PartNumber><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>\
        <Part><PartNumber>7</PartNumber><ETag>bb</ETag></Part></CompleteMultipartUpload>";

    #[test]
    fn parts_are_read_in_the_clients_order() {
        let parts = read_complete_multipart_upload(VALID.as_bytes()).unwrap();
        assert_eq!(
            parts,
            [
                CompletedPart {
                    number: PartNumber::new(1).unwrap(),
                    etag: ETag::from_client("aa"),
                    checksums: vec![(ChecksumAlgorithm::Crc32, "AAAAAA==".to_owned())],
                },
                CompletedPart {
                    number: PartNumber::new(7).unwrap(),
                    etag: ETag::from_client("bb"),
                    checksums: Vec::new(),
                },
            ]
        );
    }

    fn code(parts: &str) -> ErrorCode {
        let xml = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        read_complete_multipart_upload(xml.as_bytes()).unwrap_err().code
    }

    #[test]
    fn incomplete_repeated_and_unknown_elements_are_malformed() {
        for parts in [
            "",
            "<Part/>",
            "<Part><ETag>a</ETag></Part>",
            "<Part><PartNumber>1</PartNumber></Part>",
            "<Part><PartNumber>one</PartNumber><ETag>a</ETag></Part>",
            "<Part><PartNumber>1</PartNumber><PartNumber>1</PartNumber><ETag>a</ETag></Part>",
            "<Part><PartNumber>1</PartNumber><ETag>a</ETag><Size>1</Size></Part>",
            "<Piece/>",
        ] {
            assert_eq!(code(parts), ErrorCode::MalformedXML, "{parts}");
        }
        assert_eq!(
            code("<Part><PartNumber>10001</PartNumber><ETag>a</ETag></Part>"),
            ErrorCode::InvalidArgument
        );
    }

    #[test]
    fn no_document_is_no_parts() {
        assert_eq!(read_complete_multipart_upload(b"").unwrap(), []);
    }

    #[test]
    fn an_upload_has_at_most_ten_thousand_parts() {
        let part = "<Part><PartNumber>1</PartNumber><ETag>a</ETag></Part>";
        assert_eq!(code(&part.repeat(10_001)), ErrorCode::MalformedXML);
        let xml = format!(
            "<CompleteMultipartUpload>{}</CompleteMultipartUpload>",
            part.repeat(10_000)
        );
        assert_eq!(
            read_complete_multipart_upload(xml.as_bytes()).unwrap().len(),
            10_000
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_mutation_panics(position in 0..VALID.len(), byte in any::<u8>(), cut in 0..VALID.len()) {
            let mut xml = VALID.as_bytes().to_vec();
            xml[position] = byte;
            let _result = read_complete_multipart_upload(&xml);
            let cut = &VALID.as_bytes()[..cut];
            prop_assert_eq!(read_complete_multipart_upload(cut).is_ok(), cut.is_empty());
        }
    }
}
